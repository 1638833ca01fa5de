// Accounts as they are a fortnight after they were opened: with credits, resources and hosting, but without any event. The services
// make one of each shape, and its rows are copied into as many accounts as are wanted.

import type pg from 'pg';
import { invariant } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import { DAY_MS } from '../../src/core/range.ts';
import type { App } from '../../src/app.ts';
import type { ManualClock } from '../../src/core/clock.ts';
import type { Actor } from '../../src/core/identity.ts';
import type { RegisterRequest } from '../../src/resources/registration.ts';
import { createHardware } from '../support/data-set.ts';

export const MINUTE_MS = 60_000;
/** How old an account is when its first event is recorded. */
export const FIRST_EVENT_AFTER_MS = 14 * DAY_MS;
/** More than any account spends in the time that is generated. */
const CREDITS = '1000000000';
const RUNS = '1000000000';

/** What an account has. */
export interface Shape {
  readonly name: string;
  readonly timeZone: string;
  readonly workflows: number;
  readonly deployments: number;
  /** Guardrails, which are never hosted. */
  readonly guardrails: number;
  /** That deployments are of. */
  readonly models: number;
}

/** Where the services are that make accounts. */
export interface Services {
  readonly app: App;
  readonly actor: Actor;
  readonly clock: ManualClock;
}

/** Hardware that every account may be hosted on. The clock is moved to where its rates are in force. */
export async function makeHardware(services: Services, bornMs: number): Promise<void> {
  services.clock.moveTo(bornMs - DAY_MS);
  await createHardware(services);
}

/** An account of a shape that was opened at `bornMs`; the clock is moved along its first fortnight. */
export async function makeAccount(
  { app, actor, clock }: Services,
  shape: Shape,
  of: { readonly name: string; readonly bornMs: number },
): Promise<number> {
  const { name, bornMs } = of;
  clock.moveTo(bornMs);
  const { accountId } = await app.creditAccounts.create(actor, {
    ...{ name, externalId: name, timeZone: shape.timeZone },
    ...{ usageThresholds: [], hoursToStop: [], lowCredit: '0' },
  });
  const id = encodeId('Account', accountId, accountId);
  for (const [unit, amount] of [
    ['CREDITS', CREDITS],
    ['WORKFLOW_RUNS', RUNS],
  ] as const) {
    const lot = { accountId: id, amount, unit, source: 'PLAN', idempotencyKey: unit } as const;
    await app.credits.allocate(actor, lot);
  }
  const registered = await app.resources.registerAll(actor, id, [...resources(shape)]);
  // A draft is no row of the workflows tab.
  for (const workflowId of registered.slice(0, shape.workflows)) {
    await app.deployments.deployWorkflow(actor, { id: workflowId });
  }
  const hosted = await app.resources.registerAll(actor, id, [...deployments(shape)]);
  for (const [index, resourceId] of hosted.entries()) {
    clock.moveTo(bornMs + index * MINUTE_MS);
    const hardware = index % 2 === 0 ? 'a100' : 'cpu-4';
    await app.deployments.deploy(actor, { id: resourceId, hardware, replicas: 1 + (index % 3) });
  }
  // Of three, one runs on, one ran for half a day, which is folded, and one for five days, which is not.
  for (const [hours, rest] of [
    [12, 1],
    [120, 2],
  ] as const) {
    for (const [index, resourceId] of hosted.entries()) {
      if (index % 3 !== rest) continue;
      clock.moveTo(bornMs + index * MINUTE_MS + hours * 60 * MINUTE_MS);
      await app.deployments.undeploy(actor, { id: resourceId });
    }
  }
  clock.moveTo(bornMs + FIRST_EVENT_AFTER_MS);
  return accountId;
}

function* resources(shape: Shape): Generator<RegisterRequest> {
  for (const [kind, word, count] of [
    ['WORKFLOW', 'Workflow', shape.workflows],
    ['GUARDRAIL', 'Guardrail', shape.guardrails],
  ] as const) {
    for (let index = 0; index < count; index += 1) {
      const owner = `owner-${index % 20}@example.com`;
      const externalId = `${word.toLowerCase()}-${index}`;
      yield { kind, externalId, name: `${word} ${index}`, owner };
    }
  }
}

function* deployments(shape: Shape): Generator<RegisterRequest> {
  for (let index = 0; index < shape.deployments; index += 1) {
    const of = index % shape.models;
    yield {
      ...{
        kind: 'MODEL_DEPLOYMENT',
        externalId: `deployment-${index}`,
        name: `Deployment ${index}`,
      },
      ...{ modelExternalId: `model-${of}`, modelName: `Model ${of}`, modelType: 'BASE' },
    };
  }
}

/** Those that a foreign key points to come first. */
const FIRST = ['account', 'model', 'resource'];
/**
 * Entries of a ledger have the account in their hashes, so they are written anew (life.ts); keys have secrets of their own; what rows
 * were before a change is kept for a day only.
 */
const NOT_COPIED = ['api_key', 'former_row', 'ledger_entry'];

/**
 * Copies the rows of template accounts into new accounts.
 * @param copies for each new account its template
 * @returns the new accounts' ids, in the same order
 */
export async function copyAccounts(
  client: pg.Pool | pg.PoolClient,
  copies: readonly number[],
): Promise<readonly number[]> {
  const { rows } = await client.query<{ last: number }>(
    'select max(account_id) as last from account',
  );
  const lastId = rows[0]?.last ?? 0;
  const ids = copies.map((_, index) => lastId + 1 + index);
  for (const table of await tablesOf(client, [...new Set(copies)])) {
    const found = await client.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped
         and attgenerated = '' order by attnum`,
      [table],
    );
    const columns = found.rows.map(({ name }) => name);
    await client.query(
      `insert into ${table} (${columns.join(', ')}) overriding system value
       select ${columns.map((column) => copied(table, column)).join(', ')}
       from unnest($1::int[], $2::int[]) as c (template_id, account_id) join ${table} t on t.account_id = c.template_id
       order by c.account_id`,
      [copies, ids],
    );
  }
  await client.query(
    `select setval(pg_get_serial_sequence('account_directory', 'account_id'), (select max(account_id) from account))`,
  );
  return ids;
}

/** The tables that have rows of these accounts, in the order of their foreign keys. */
async function tablesOf(
  client: pg.Pool | pg.PoolClient,
  accountIds: readonly number[],
): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attname = 'account_id' and c.relname <> all($1) order by c.relname`,
    [NOT_COPIED],
  );
  const names = rows.map(({ name }) => name);
  const filled: string[] = [];
  for (const name of [...FIRST, ...names.filter((one) => !FIRST.includes(one))]) {
    const any = await client.query(
      `select 1 from ${name} where account_id = any($1::int[]) limit 1`,
      [accountIds],
    );
    if (any.rows.length > 0) filled.push(name);
  }
  invariant(FIRST[0] === filled[0], 'the templates are there');
  return filled;
}

/** Accounts of a database have different names. */
function copied(table: string, column: string): string {
  if (column === 'account_id') return 'c.account_id';
  if (table !== 'account' && table !== 'account_directory') return `t.${column}`;
  if (['name', 'external_id', 'folded_name', 'folded_external_id'].includes(column)) {
    return `'generated-' || c.account_id`;
  }
  if (column !== 'creation') return `t.${column}`;
  return `t.creation || jsonb_build_object('name', 'generated-' || c.account_id, 'externalId', 'generated-' || c.account_id)`;
}
