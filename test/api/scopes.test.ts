// Who may see what, by the scopes of their key: each root field over HTTP, and every field that leads on from there.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
  isAbstractType,
  isCompositeType,
  isObjectType,
} from 'graphql';
import { type NodeType, type Scope, scopes } from '../../src/core/identity.ts';
import { scopeNeededBy } from '../../src/graphql/field-extensions.ts';
import { createAccount, createHardware, createKey } from '../support/account.ts';
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
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { firstAnswer, originOf } from '../support/live.ts';

const held: Readonly<Record<Scope, readonly Scope[]>> = {
  READ_USAGE: ['READ_USAGE'],
  INGEST: ['INGEST'],
  MANAGE: ['MANAGE', 'READ_USAGE'],
  OPERATOR: ['OPERATOR', 'MANAGE', 'INGEST', 'READ_USAGE'],
};

type Field = GraphQLField<unknown, unknown>;

/** The mutations of a key that records. */
const writes = [
  ...['deleteResource', 'deploy', 'deploymentFailed', 'deploymentReady', 'deployWorkflow'],
  ...['recordHosting', 'recordUsage', 'registerBrowserPod', 'registerCustomScript'],
  ...['registerGuardrail', 'registerModel', 'registerModelDeployment', 'registerOcrDeployment'],
  ...[
    'registerResources',
    'registerWorkflow',
    'scale',
    'undeploy',
    'undeployWorkflow',
    'voidUsage',
  ],
];

function objectTypesOf(field: Field): readonly GraphQLObjectType[] {
  const type = getNamedType(field.type);
  if (isAbstractType(type)) return apiSchema.getPossibleTypes(type);
  return isObjectType(type) ? [type] : [];
}

/** Every field, as Type.field, that a key with these scopes reaches from these root fields. */
function reachable(roots: readonly string[], scope: Scope): readonly string[] {
  const reached = new Set<string>();
  const visited = new Set<GraphQLObjectType>();
  const open = roots.flatMap((name) => objectTypesOf(rootField(name)));
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (visited.has(type)) continue;
    visited.add(type);
    for (const field of Object.values(type.getFields())) {
      const needed = scopeNeededBy(field);
      if (needed !== undefined && !held[scope].includes(needed)) continue;
      reached.add(`${type.name}.${field.name}`);
      open.push(...objectTypesOf(field));
    }
  }
  return [...reached].sort();
}

interface Guarded {
  readonly path: readonly string[];
  readonly selection: string;
}

/** The selections below a type that end at the first field that a key with INGEST alone may not see. */
function guardedBelow(type: GraphQLObjectType, depth = 4): readonly Guarded[] {
  return Object.values(type.getFields()).flatMap((field) => {
    const rest = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
    const { name } = field;
    if (scopeNeededBy(field) === 'READ_USAGE') return [{ path: [name], selection: name + rest }];
    if (depth === 1) return [];
    return objectTypesOf(field).flatMap((next) =>
      guardedBelow(next, depth - 1).map(({ path, selection }) => ({
        path: [name, ...path],
        selection: `${name} { ... on ${next.name} { ${selection} } }`,
      })),
    );
  });
}

/** All that a key with INGEST alone may see below a type. */
function openBelow(type: GraphQLObjectType): string {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (scopeNeededBy(field) !== undefined) return [];
    if (!isCompositeType(getNamedType(field.type))) return [field.name];
    return objectTypesOf(field).map(
      (next) => `${field.name} { ... on ${next.name} { ${openBelow(next)} } }`,
    );
  });
  return fields.join(' ');
}

/** Mutations after which the account takes no calls. */
const ending = new Set(['closeAccount', 'erasePersonalData']);

describe('scopes', () => {
  let gateway: TestGateway;
  let example: ExampleAccount;
  let keys: Readonly<Record<Scope, string>>;

  beforeAll(async () => {
    gateway = await startTestGateway();
    await createHardware(gateway, EXAMPLE_HARDWARE, '1');
    example = await ExampleAccount.open(gateway, { name: 'example', rows: 2 });
    keys = await keysOf(example.accountId);
  });

  afterAll(async () => {
    await gateway.close();
  });

  /** One of each scope. */
  async function keysOf(accountId: string): Promise<Readonly<Record<Scope, string>>> {
    const key = async (scope: Scope): Promise<string> =>
      (await createKey(gateway, accountId, [scope])).secret;
    return {
      READ_USAGE: await key('READ_USAGE'),
      INGEST: await key('INGEST'),
      MANAGE: await key('MANAGE'),
      OPERATOR: gateway.operatorKey,
    };
  }

  /** What a root field is called with, for the first time. */
  async function argumentsOf(name: string): Promise<Variables> {
    const [call] = example.fields[name]?.calls ?? [];
    if (call === undefined) throw new Error(`no example of ${name}`);
    return call();
  }

  async function codeOf(
    name: string,
    { variables, key }: { readonly variables: Variables; readonly key: string },
  ): Promise<string | undefined> {
    const operation = operationOf(name, variables, selectionOf(name));
    const answer =
      kindOf(name) === 'subscription'
        ? await firstAnswer(originOf(gateway), { key, query: operation, variables })
        : await gateway.query(operation, variables, key);
    if (answer === null) throw new Error(`no answer to ${name}`);
    const { errors } = answer;
    const code = errors?.[0]?.extensions.code;
    // An argument that is refused before the scope is asked would prove nothing.
    if (code === 'GRAPHQL_VALIDATION_FAILED') throw new Error(JSON.stringify(errors));
    return code;
  }

  function selectionOf(name: string): string {
    return isCompositeType(getNamedType(rootField(name).type)) ? '{ __typename }' : '';
  }

  function typeOf(name: string): GraphQLObjectType | undefined {
    const types = objectTypesOf(rootField(name));
    return types.find((type) => type.name === 'Guardrail') ?? types[0];
  }

  it('are known of every root field', () => {
    const recording = Object.entries(example.fields).filter(([, { scope }]) => scope === 'INGEST');
    expect(recording.map(([name]) => name).sort()).toEqual([...writes].sort());
    expect(Object.keys(example.fields).sort()).toEqual([...rootNames].sort());
  });

  // Subscriptions by SSE.
  it.each(rootNames)('open %s to those that have what it needs, and to no others', async (name) => {
    const needed = example.fields[name]?.scope ?? 'OPERATOR';
    // An account that ends is of no use to the fields after it.
    const ended = ending.has(name) ? await createAccount(gateway) : null;
    const variables = ended === null ? await argumentsOf(name) : { accountId: ended };
    const asking = ended === null ? keys : await keysOf(ended);
    const codes = new Map<Scope, string | undefined>();
    for (const scope of Object.values(scopes)) {
      codes.set(scope, await codeOf(name, { variables, key: asking[scope] }));
    }
    const refused = [...codes].flatMap(([scope, code]) => (code === 'FORBIDDEN' ? [scope] : []));
    expect(refused).toEqual(Object.values(scopes).filter((scope) => !held[scope].includes(needed)));
  });

  it('let a key that records see what it wrote, and nothing that follows from it', () => {
    const rootsOfIngest = writes;
    const resources = reachable(rootsOfIngest, 'INGEST');
    const hidden = /\.(usage|hosting|lastActiveOn|deployments|reversal)$/;

    expect(resources.filter((name) => hidden.test(name))).toEqual([]);
    expect([...new Set(resources.map((name) => name.split('.')[0]))]).toEqual([
      'BrowserPod',
      'CustomScript',
      'Guardrail',
      'Model',
      'ModelDeployment',
      'OcrDeployment',
      'RecordUsagePayload',
      'UsageEventResult',
      'VoidUsagePayload',
      'Workflow',
    ]);
    expect([...new Set(resources.map((name) => name.split('.')[1]))].sort()).toEqual([
      ...['accepted', 'code', 'conflicts', 'createdAt', 'duplicates', 'endpointUrl', 'externalId'],
      ...['failureMessage', 'id', 'index', 'kind', 'language', 'languageVersion'],
      ...['lastDeployedOn', 'lastUpdatedOn', 'message', 'model', 'name', 'ocrModel', 'outcome'],
      ...['owner', 'rejected', 'results', 'status', 'type', 'voided'],
    ]);
  });

  it('let a key that reads reach no keys, webhooks, emails, audit log or other accounts', () => {
    const open = Object.entries(example.fields).filter(([, { scope }]) => scope === 'READ_USAGE');
    // What node finds asks for its own scope.
    const names = open.map(([name]) => name).filter((name) => name !== 'node');
    const types = new Set(reachable(names, 'READ_USAGE').map((name) => name.split('.')[0] ?? ''));

    const foreign = [...types].filter((name) =>
      /ApiKey|Audit|Webhook|Email|Fleet|Payload/.test(name),
    );
    expect(foreign).toEqual([]);
    expect(types.size).toBeGreaterThan(50);
  });

  it('are asked by node for what it finds', async () => {
    const managed: readonly NodeType[] = [
      ...(['ApiKey', 'AuditEntry', 'Email', 'WebhookDelivery', 'WebhookEndpoint'] as const),
    ];
    const wrong: unknown[] = [];
    for (const [type, id] of Object.entries(example.ids)) {
      const scope = managed.some((one) => one === type) ? 'MANAGE' : 'READ_USAGE';
      for (const mine of Object.values(scopes)) {
        const code = await codeOf('node', { variables: { id }, key: keys[mine] });
        if ((code === 'FORBIDDEN') === held[mine].includes(scope)) wrong.push({ type, mine, code });
      }
    }
    expect(wrong).toEqual([]);
  });

  describe.each(writes)('of a key that records: %s', (name) => {
    it('shows no usage, balance, ledger or hosting', async () => {
      const type = typeOf(name);
      const guarded = type === undefined ? [] : guardedBelow(type);
      for (const { path, selection } of guarded) {
        const variables = await argumentsOf(name);
        const answer = await gateway.query(
          operationOf(name, variables, `{ ... on ${type?.name ?? ''} { ${selection} } }`),
          variables,
          keys.INGEST,
        );
        expect(answer.errors).toEqual([
          expect.objectContaining({
            message: 'This key lacks the scope READ_USAGE.',
            path: [name, ...path],
            extensions: { code: 'FORBIDDEN' },
          }),
        ]);
        expect(valuesIn(answer.data)).toEqual([]);
      }
      const isData = /^(register(?!Resources)|deploy|scale|undeploy|delete|voidUsage)/.test(name);
      expect(guarded.length > 0).toBe(isData);
    });

    it('shows all else that it wrote', async () => {
      const type = typeOf(name);
      const selection = type === undefined ? '' : `{ ... on ${type.name} { ${openBelow(type)} } }`;
      const variables = await argumentsOf(name);

      const answer = await gateway.query(
        operationOf(name, variables, selection),
        variables,
        keys.INGEST,
      );

      expect(answer.errors).toBeUndefined();
      expect(answer.data[name]).toBeDefined();
    });
  });

  it('are held by a read that follows a write in the same answer', async () => {
    const variables = await argumentsOf('deploy');
    const { secret } = await createKey(gateway, example.accountId, ['INGEST', 'READ_USAGE']);
    const selection = '{ hosting { replicas } usage { credits } lastActiveOn }';

    const both = await gateway.query(
      operationOf('deploy', variables, selection),
      variables,
      secret,
    );

    expect(both.errors).toBeUndefined();
    expect(both.data['deploy']).toMatchObject({ hosting: { replicas: 1 } });
  });

  it('refuse a field alone where the answer can be without it', async () => {
    const variables = await argumentsOf('registerGuardrail');
    const answer = await gateway.query(
      operationOf('registerGuardrail', variables, '{ name hosting { replicas } }'),
      variables,
      keys.INGEST,
    );
    expect(answer.data).toEqual({ registerGuardrail: { name: 'n', hosting: null } });
    expect(answer.errors?.map(({ path }) => path)).toEqual([['registerGuardrail', 'hosting']]);
  });
});

/** Every value in an answer that is neither null nor a mere structure. */
function valuesIn(data: unknown): readonly unknown[] {
  if (data === null || data === undefined) return [];
  return typeof data === 'object' ? Object.values(data).flatMap(valuesIn) : [data];
}
