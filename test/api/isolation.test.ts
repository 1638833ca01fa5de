// What belongs to another account looks to a key like what does not exist, wherever a call can name something: the schema
// says where that is, so a new field is part of this. A call with a name of the account's own must answer otherwise, so that
// no comparison holds for want of a valid call.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { decodeId, encodeId, nodeTypes, type NodeType } from '../../src/core/identity.ts';
import { ask, createHardware, createKey, numberOf } from '../support/account.ts';
import {
  apiSchema,
  EXAMPLE_HARDWARE,
  ExampleAccount,
  kindOf,
  operationOf,
  rootField,
  rootNames,
  type Variables,
} from '../support/examples.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { firstAnswer, firstAnswerBySocket, originOf } from '../support/live.ts';

/** Texts that name something of an account, besides everything of type ID. */
const naming = new Set([
  ...['actor', 'after', 'before', 'eventId', 'externalId', 'idempotencyKey'],
  ...['modelExternalId', 'resourceExternalId', 'source'],
]);
/** Texts that name nothing, or something of all accounts. */
const plain = new Set([
  ...[
    'action',
    'currency',
    'hardware',
    'label',
    'language',
    'languages',
    'languageVersion',
    'message',
  ],
  ...[
    'model',
    'modelName',
    'name',
    'note',
    'ocrModel',
    'owner',
    'owners',
    'reason',
    'search',
    'unit',
  ],
]);
/** Of a mutation: what its caller chooses, and what is taken once it was used. */
const chosen = new Set(['eventId', 'externalId', 'idempotencyKey', 'source']);
/** Required arguments of fields that lie deeper. */
const requiredBelow: Readonly<Record<string, Variables>> = { report: { groupBy: ['RESOURCE'] } };
/** Of what a mutation answers: what is different each time. */
const passing = new Set(['hash', 'prefix', 'secret', 'sequence', 'token']);

type Path = readonly string[];

/** Where these arguments name something, also within inputs and lists. */
function positionsIn(args: readonly (GraphQLArgument | GraphQLInputField)[]): readonly Path[] {
  return args.flatMap(({ name, type }) => {
    const named = getNamedType(type);
    if (isInputObjectType(named)) {
      return positionsIn(Object.values(named.getFields())).map((path) => [name, ...path]);
    }
    if (named.name === 'ID') return [[name]];
    if (named.name !== 'String') return [];
    if (naming.has(name) === plain.has(name)) throw new Error(`does ${name} name something?`);
    return naming.has(name) ? [[name]] : [];
  });
}

const rootPositions = rootNames
  .filter((name) => name !== 'node')
  .flatMap((name) =>
    positionsIn(rootField(name).args).map((path) => ({
      at: `${name}.${path.join('.')}`,
      name,
      path,
    })),
  );

/** A field that names something below the root, and how it is reached from a node. */
interface Below {
  readonly at: string;
  readonly nodeType: NodeType;
  readonly field: GraphQLField<unknown, unknown>;
  readonly around: (selection: string) => string;
  readonly path: Path;
}

function typesOf(type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isAbstractType(type)) return apiSchema.getPossibleTypes(type);
  return isObjectType(type) ? [type] : [];
}

/** Everything that is reached from nodes, by the shortest way. */
function reachedFields(): readonly Below[] {
  const seen = new Set<GraphQLObjectType>();
  const open: { type: GraphQLObjectType; nodeType: NodeType; around: Below['around'] }[] =
    Object.values(nodeTypes).map((nodeType) => {
      const type = apiSchema.getType(nodeType);
      if (!isObjectType(type)) throw new Error(`no type ${nodeType}`);
      return { type, nodeType, around: (inner) => `... on ${nodeType} { ${inner} }` };
    });
  const found: Below[] = [];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { type, nodeType, around } = next;
    if (seen.has(type)) continue;
    seen.add(type);
    for (const field of Object.values(type.getFields())) {
      for (const path of positionsIn(field.args)) {
        const at = `${type.name}.${field.name}.${path.join('.')}`;
        found.push({ at, nodeType, field, around, path });
      }
      if (field.args.some(isRequiredArgument)) continue;
      for (const deeper of typesOf(getNamedType(field.type))) {
        const inner = (selection: string): string =>
          around(`${field.name} { ... on ${deeper.name} { ${selection} } }`);
        open.push({ type: deeper, nodeType, around: inner });
      }
    }
  }
  return found;
}

const below = reachedFields();

/** All that a type shows without arguments, down to a depth. Of what a mutation answers, what does not change. */
function selectionOf(type: GraphQLNamedType, depth: number, of: 'READ' | 'WRITE' = 'READ'): string {
  if (!isCompositeType(type)) return '';
  if (!isObjectType(type) && !isInterfaceType(type)) return '{ __typename }';
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const inner = getNamedType(field.type);
    if (field.args.some(isRequiredArgument) || passing.has(field.name)) return [];
    if (isCompositeType(inner)) {
      return depth > 1 ? [`${field.name} ${selectionOf(inner, depth - 1, of)}`] : [];
    }
    return of === 'READ' || inner.name !== 'Credits' ? [field.name] : [];
  });
  return `{ __typename ${fields.join(' ')} }`;
}

function valueAt(variables: unknown, path: Path): unknown {
  const [name, ...rest] = path;
  const here: unknown = Array.isArray(variables) ? variables[0] : variables;
  if (name === undefined || here === undefined || here === null) return here;
  return valueAt((here as Variables)[name], rest);
}

function withValue(variables: unknown, path: Path, value: string): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (Array.isArray(variables)) return [withValue(variables[0], path, value)];
  const here = variables as Variables;
  return { ...here, [name]: withValue(here[name], rest, value) };
}

/** Of the same form, and nobody's. */
function unknownOnes(value: string, accountId: string): readonly string[] {
  const ref = decodeId(value);
  if (ref?.type === 'Account') return [encodeId('Account', NOBODY, NOBODY)];
  if (ref !== null) {
    return [encodeId(ref.type, NOBODY, 1), encodeId(ref.type, numberOf(accountId), NOBODY)];
  }
  const cursor = cursorIn(value);
  if (cursor === null) return [`${value}, unknown`];
  const [key, id, ...mark] = cursor;
  if (mark.length === 0) return [cursorOf([key, Number(id) + 1])];
  const [list, ...rest] = mark;
  return [cursorOf([key, id, `${String(list).slice(1)}x`, ...rest])];
}

const NOBODY = 999_999;

function cursorIn(text: string): readonly unknown[] | null {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as readonly unknown[];
  } catch {
    return null;
  }
}

function cursorOf(parts: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

describe('what belongs to another account', () => {
  let gateway: TestGateway;
  let mine: ExampleAccount;
  let theirs: ExampleAccount;
  let key: string;
  let dumpTheirs: string;
  /** Ids of this account that a call may name. */
  const known = new Set<string>();

  beforeAll(async () => {
    gateway = await startTestGateway();
    await createHardware(gateway, EXAMPLE_HARDWARE, '1');
    mine = await ExampleAccount.open(gateway, { name: 'mine', rows: 2 });
    // More of everything, so that the numbers of its rows are higher.
    theirs = await ExampleAccount.open(gateway, {
      name: 'theirs',
      rows: 5,
      since: '2025-10-05T00:00:00.000Z',
    });
    const scopes = ['MANAGE', 'INGEST', 'READ_USAGE'] as const;
    key = (await createKey(gateway, mine.accountId, scopes)).secret;
    dumpTheirs = await dumpOf(gateway, numberOf(theirs.accountId));
  });

  afterAll(async () => {
    await gateway.close();
  });

  async function theirTables(): Promise<unknown> {
    return asOwner(gateway.databaseUrl, dumpTheirs);
  }

  /** A call of a root field that gives an argument. */
  async function callOf(account: ExampleAccount, name: string, path: Path): Promise<Variables> {
    for (const call of account.fields[name]?.calls ?? []) {
      const variables = await call();
      if (typeof valueAt(variables, path) === 'string') return variables;
    }
    throw new Error(`no example of ${name} gives ${path.join('.')}`);
  }

  function textAt(variables: unknown, path: Path): string {
    const value = valueAt(variables, path);
    if (typeof value !== 'string') throw new Error(`nothing at ${path.join('.')}`);
    return value;
  }

  /** An answer in which only differences count that a caller could learn from. */
  function seen(answer: unknown, asked: string): string {
    return JSON.stringify(answer)
      .replaceAll(JSON.stringify(asked).slice(1, -1), '<asked>')
      .replaceAll(JSON.stringify(JSON.stringify(asked)).slice(3, -3), '<asked>')
      .replace(/[\w-]{12,}/g, (text) => {
        const ref = decodeId(text);
        if (ref === null) return text;
        if (ref.accountId === numberOf(theirs.accountId)) return '<theirs>';
        return known.has(text) ? '<known>' : '<some id>';
      })
      .replace(/\bmine [\w ]+? \d+/g, '<mine>');
  }

  async function answerTo(name: string, variables: Variables, by: string): Promise<unknown> {
    const isWrite = kindOf(name) === 'mutation';
    const selection = selectionOf(
      getNamedType(rootField(name).type),
      2,
      isWrite ? 'WRITE' : 'READ',
    );
    const query = operationOf(name, variables, selection);
    if (kindOf(name) === 'subscription') {
      const asked = { key: by, query, variables };
      return {
        stream: await firstAnswer(originOf(gateway), asked),
        socket: await firstAnswerBySocket(originOf(gateway), asked),
      };
    }
    const answer = await gateway.query(query, variables, by);
    expect(JSON.stringify(answer)).not.toContain('GRAPHQL_VALIDATION_FAILED');
    return { ...answer, made: await modelsOf((answer.data as Variables | null)?.[name]) };
  }

  /** Of deployments that were registered under bare ids: whether their model had deployments before. */
  async function modelsOf(ids: unknown): Promise<unknown> {
    if (!Array.isArray(ids) || ids.some((id) => typeof id !== 'string')) return null;
    return Promise.all(
      ids.map((id: string) =>
        ask(
          gateway,
          'query ($id: ID!) { node(id: $id) { ... on ModelDeployment { model { deployments { totalCount } } } } }',
          { id },
        ),
      ),
    );
  }

  function remember(variables: unknown): void {
    for (const [text] of JSON.stringify(variables).matchAll(/[\w-]{12,}/g)) {
      if (decodeId(text)?.accountId === numberOf(mine.accountId)) known.add(text);
    }
  }

  /** Compares calls that name theirs, nobody's and mine. */
  async function expectNothingOf(name: string, path: Path, by: string): Promise<void> {
    const ofTheirs = await callOf(theirs, name, path);
    const ofMine = await callOf(mine, name, path);
    if (kindOf(name) === 'mutation' && chosen.has(path.at(-1) ?? '')) {
      await answerTo(name, ofTheirs, gateway.operatorKey);
      remember(await answerTo(name, ofMine, gateway.operatorKey));
    }
    remember([ofMine, Object.values(mine.ids)]);
    const their = textAt(ofTheirs, path);
    const before = await theirTables();
    const answered = async (value: string): Promise<string> => {
      const call = withValue(await callOf(mine, name, path), path, value) as Variables;
      return seen(await answerTo(name, call, by), value);
    };

    const toTheirs = await answered(their);
    const isAllowed = by === gateway.operatorKey || mine.fields[name]?.scope !== 'OPERATOR';
    const nobodys = unknownOnes(their, mine.accountId).slice(0, isAllowed ? 2 : 1);
    for (const nobody of nobodys) expect(toTheirs).toBe(await answered(nobody));
    expect(toTheirs).not.toMatch(/theirs/);
    expect(await theirTables()).toEqual(before);

    const own = textAt(ofMine, path);
    const toMine = seen(await answerTo(name, ofMine, by), own);
    if (isAllowed || decodeId(their) !== null) {
      expect(their).not.toBe(own);
      expect(toMine).not.toBe(toTheirs);
    } else {
      // What is for operators alone is refused, whatever a key names.
      expect(toMine).toContain('FORBIDDEN');
    }
  }

  it('is reached by every field that names something', () => {
    const rootTypes = ['Query', 'Mutation', 'Subscription'];
    const all = Object.values(apiSchema.getTypeMap()).flatMap((type) =>
      isObjectType(type) && !rootTypes.includes(type.name)
        ? Object.values(type.getFields()).flatMap(({ name, args }) =>
            positionsIn(args).map((path) => `${type.name}.${name}.${path.join('.')}`),
          )
        : [],
    );
    expect(below.map(({ at }) => at).sort()).toEqual(all.sort());
    expect(rootPositions.length).toBeGreaterThan(75);
  });

  describe(`looks like nothing by ${below.length} arguments below a node`, () => {
    it.each(below)('$at', async ({ nodeType, field, around, path }) => {
      const argument = path[0] ?? '';
      const given = requiredBelow[field.name] ?? {};
      const typed = field.args.filter(({ name }) => name === argument || name in given);
      const query = `query ($node: ID!, ${typed.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ')}) {
        node(id: $node) { ${around(
          `${field.name}(${typed.map(({ name }) => `${name}: $${name}`).join(', ')})
           ${selectionOf(getNamedType(field.type), 3)}`,
        )} }
      }`;
      const askFor = async (account: ExampleAccount, by: string, value: string | null) =>
        gateway.query(query, { node: account.ids[nodeType], ...given, [argument]: value }, by);
      const name = async (account: ExampleAccount): Promise<string> => {
        const all = await askFor(account, gateway.operatorKey, null);
        expect(all.errors).toBeUndefined();
        return nameBelow(account, argument, JSON.stringify(all.data));
      };
      const before = await theirTables();

      const their = await name(theirs);
      const own = await name(mine);
      const toTheirs = seen(await askFor(mine, key, their), their);
      const toMine = seen(await askFor(mine, key, own), own);

      for (const nobody of unknownOnes(their, mine.accountId)) {
        expect(toTheirs).toBe(seen(await askFor(mine, key, nobody), nobody));
      }
      expect(toTheirs).not.toMatch(/theirs/);
      expect(toMine).not.toBe(toTheirs);
      expect(await theirTables()).toEqual(before);
    });
  });

  /** What an argument below a node names: a row of an account, or the end of the list that was answered. */
  async function nameBelow(
    account: ExampleAccount,
    argument: string,
    all: string,
  ): Promise<string> {
    const { ids } = account;
    if (argument === 'after' || argument === 'before') {
      const cursors = [...all.matchAll(/"cursor":"([^"]+)"/g)].map(([, cursor = '']) => cursor);
      expect(cursors.length).toBeGreaterThan(1);
      if (account === mine) return cursors.at(argument === 'after' ? 0 : -1) ?? '';
      const number = (cursor: string): number => Number(cursorIn(cursor)?.[1]);
      return cursors.reduce((last, cursor) => (number(cursor) > number(last) ? cursor : last));
    }
    const named = { cycleId: ids.BillingCycle, modelId: ids.Model, resourceId: ids.Guardrail };
    if (argument in named) return named[argument as keyof typeof named];
    const { node } = await ask<{ node: Readonly<Record<string, string>> }>(
      gateway,
      'query ($id: ID!) { node(id: $id) { ... on UsageEvent { source eventId } } }',
      { id: ids.UsageEvent },
    );
    const text = node[argument];
    if (text === undefined) throw new Error(`no example of ${argument}`);
    return text;
  }

  describe('looks like nothing by the id of', () => {
    const types = Object.values(nodeTypes).filter((type) => type !== 'HardwareProfile');
    it.each(types)('%s', async (type) => {
      const before = await theirTables();
      const find = async (id: string): Promise<string> =>
        seen(await answerTo('node', { id }, key), id);
      const their = theirs.ids[type];
      const toTheirs = await find(their);
      for (const nobody of unknownOnes(their, mine.accountId)) {
        expect(toTheirs).toBe(await find(nobody));
      }
      expect(toTheirs).not.toMatch(/theirs/);
      expect(await find(mine.ids[type])).not.toBe(toTheirs);
      expect(await theirTables()).toEqual(before);
    });
  });

  describe(`looks like nothing by ${rootPositions.length} arguments of root fields`, () => {
    it.each(rootPositions)('$at', async ({ name, path }) => {
      await expectNothingOf(name, path, key);
    });
  });

  // An operator may name any account, and then nothing of another.
  const withinAccount = rootPositions.filter(({ name, path }) => {
    const siblings = rootPositions.filter((one) => one.name === name).map((one) => one.path.at(-1));
    return siblings.includes('accountId') && !['accountId', 'id'].includes(path.at(-1) ?? '');
  });
  describe(`looks like nothing to an operator who names an account, by ${withinAccount.length} arguments`, () => {
    it.each(withinAccount)('$at', async ({ name, path }) => {
      await expectNothingOf(name, path, gateway.operatorKey);
    });
  });
});

/** A statement that tells everything of an account: a row for each table, and one for its jobs. */
async function dumpOf(gateway: TestGateway, accountId: number): Promise<string> {
  const tables = await asOwner(
    gateway.databaseUrl,
    `select c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where table_schema = 'public' and column_name = 'account_id' and table_type = 'BASE TABLE' order by 1`,
  );
  expect(tables.length).toBeGreaterThan(20);
  const parts = tables.map(({ table_name: table }) => {
    const name = String(table);
    return `select '${name}' as place, count(*), md5(string_agg(t::text, ' ' order by t::text)) as hash
      from "${name}" t where account_id = ${accountId}`;
  });
  const jobs = `select 'jobs', count(*), md5(string_agg(payload::text, ' ' order by payload::text))
    from graphile_worker._private_jobs where (payload ->> 'accountId')::int8 = ${accountId}`;
  return [...parts, jobs].join(' union all ');
}
