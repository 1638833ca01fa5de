// Thousands of burning accounts, made fast: the services make one account of each kind, whose test clock is moved to shortly
// before a crossing, and its rows are copied with all instants shifted, so that the copies cross when the benchmark wants.

import { invariant } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import type { BenchGateway } from '../support/gateway.ts';

const BEGIN_MS = Date.UTC(2026, 2, 10);
/** 36 credits an hour are 0.01 a second: 100 credits last for 10,000 s, and no figure is rounded. */
const CREDITS_PER_HOUR = '36';
const ALLOCATED = '100';
const LOW_CREDIT = '15';
const NEGATIVE_LIMIT = '-5';
/** How long before its crossing a copy was settled last; shorter than from any crossing to the next. */
const SETTLED_BEFORE_SECONDS = 400;

/** What an account of a kind crosses next, and how long after its deployment. */
export interface Kind {
  readonly alert: string;
  readonly afterSeconds: number;
}

/** Each crossing of an account that burns 0.01 credits a second, from 100 down. */
export const kinds: readonly Kind[] = [
  { alert: 'CREDIT_THRESHOLD', afterSeconds: 5_000 },
  { alert: 'CREDIT_THRESHOLD', afterSeconds: 7_000 },
  { alert: 'CREDIT_THRESHOLD', afterSeconds: 8_000 },
  { alert: 'LOW_CREDITS', afterSeconds: 8_500 },
  { alert: 'CREDIT_THRESHOLD', afterSeconds: 9_000 },
  { alert: 'CREDITS_EXHAUSTED', afterSeconds: 10_000 },
  { alert: 'NEGATIVE_LIMIT_REACHED', afterSeconds: 10_500 },
];

/** An account that the services made, to be copied. */
export interface Template extends Kind {
  readonly accountId: number;
}

/** A copy, and when it crosses what its template would cross next. */
export interface BurningAccount {
  readonly accountId: number;
  readonly template: Template;
  readonly crossesAtMs: number;
}

/** One account of each kind, settled shortly before its crossing; their time stands still. */
export async function makeTemplates(bench: BenchGateway): Promise<readonly Template[]> {
  await bench.app.catalogue.createProfile(bench.actor, {
    name: 'burning',
    kind: 'GPU',
    model: 'A100',
    vcpus: 12,
    gpus: 1,
    memoryGb: 80,
    creditsPerHour: CREDITS_PER_HOUR,
  });
  await bench.owner.query('update hardware_rate set effective_from = $1, set_at = $1', [
    new Date(BEGIN_MS),
  ]);
  const templates: Template[] = [];
  for (const kind of kinds) templates.push({ ...kind, accountId: await makeTemplate(bench, kind) });
  return templates;
}

async function makeTemplate({ app, actor }: BenchGateway, kind: Kind): Promise<number> {
  const { accountId } = await app.creditAccounts.create(actor, {
    name: `crosses after ${kind.afterSeconds} s`,
    notificationEmails: ['team@example.com'],
    lowCredit: LOW_CREDIT,
    negativeLimit: NEGATIVE_LIMIT,
    testClock: BEGIN_MS,
  });
  const id = encodeId('Account', accountId, accountId);
  await app.credits.allocate(actor, {
    accountId: id,
    amount: ALLOCATED,
    unit: 'CREDITS',
    source: 'TOP_UP',
    idempotencyKey: '1',
  });
  const [guardrail] = await app.resources.registerAll(actor, id, [
    { kind: 'GUARDRAIL', externalId: 'guardrail', name: 'Guardrail' },
  ]);
  invariant(guardrail !== undefined, 'a resource is registered');
  await app.deployments.deploy(actor, {
    id: guardrail,
    hardware: 'burning',
  });
  await app.creditAccounts.advanceTestClock(actor, {
    accountId: id,
    toMs: BEGIN_MS + (kind.afterSeconds - SETTLED_BEFORE_SECONDS) * 1_000,
  });
  return accountId;
}

// Those that a foreign key points to come first.
const TABLES = [
  'account',
  'credit_state',
  'billing_cycle',
  'alert_rule',
  'credit_allocation',
  'credit_request',
  'ledger_entry',
  'alert',
  'email',
  'resource',
  'hosting_segment',
];

/** Copies templates into accounts that go by the real time. @param crossings when, for each template in turn */
export async function makeBurning(
  { owner }: BenchGateway,
  templates: readonly Template[],
  crossings: readonly number[],
): Promise<readonly BurningAccount[]> {
  const { rows } = await owner.query<{ last: number }>(
    'select max(account_id) as last from account',
  );
  const lastId = rows[0]?.last ?? 0;
  const copies = crossings.map((crossesAtMs, index): BurningAccount => {
    const template = templates[index % templates.length];
    invariant(template !== undefined, 'there are templates');
    return { accountId: lastId + 1 + index, template, crossesAtMs };
  });
  const parameters = [
    copies.map(({ template }) => template.accountId),
    copies.map(({ accountId }) => accountId),
    copies.map(({ crossesAtMs }) => new Date(crossesAtMs)),
    copies.map(
      ({ crossesAtMs, template }) => crossesAtMs - BEGIN_MS - template.afterSeconds * 1_000,
    ),
  ];
  for (const table of TABLES) {
    const found = await owner.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [table],
    );
    const columns = found.rows.map(({ name }) => name);
    await owner.query(
      `insert into ${table} (${columns.join(', ')}) overriding system value
       select ${found.rows.map((column) => copied(table, column)).join(', ')}
       from unnest($1::int[], $2::int[], $3::timestamptz[], $4::int8[]) as c (template_id, account_id, crosses_at, shift_ms)
         join ${table} t on t.account_id = c.template_id`,
      parameters,
    );
  }
  await owner.query('vacuum analyze');
  return copies;
}

/** When something was written down goes by the real time, also in an account with a test clock. */
const REAL_TIMES = new Set(['ledger_entry.recorded_at', 'alert.raised_at', 'email.created_at']);

function copied(
  table: string,
  { name, type }: { readonly name: string; readonly type: string },
): string {
  if (name === 'account_id') return 'c.account_id';
  if (name === 'is_test') return 'false';
  if (name === 'next_due_at') return 'c.crosses_at';
  if (REAL_TIMES.has(`${table}.${name}`)) return `t.${name}`;
  if (type === 'timestamp with time zone') return `t.${name} + c.shift_ms * interval '1 ms'`;
  if (type !== 'timestamp with time zone[]') return `t.${name}`;
  return `array(select at + c.shift_ms * interval '1 ms' from unnest(t.${name}) at)`;
}
