// Accounts that were there before credits were kept, with allocations of every fate, usage and hosting that runs on: what the
// migration makes of them, what their first settlement does, and the way back.

import { afterEach, describe, expect, it } from '@jest/globals';
import { RecordUsage1767225600000 } from '../../migrations/1767225600000-record-usage.ts';
import { KindOfSegments1767312000000 } from '../../migrations/1767312000000-kind-of-segments.ts';
import { HoldCredits1769904000000 } from '../../migrations/1769904000000-hold-credits.ts';
import { entities, migrations } from '../../ormconfig.ts';
import { firstAccountCycle } from '../../src/account/cycle.ts';
import { type App, createApp } from '../../src/app.ts';
import { ManualClock, SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import { encodeId } from '../../src/core/identity.ts';
import { openDatabase } from '../../src/db/database.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { setDatabaseClock } from '../support/database-clock.ts';
import { asOwner, createDatabase } from '../support/databases.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { sql } from '../../src/db/sql.ts';

const BEFORE = [RecordUsage1767225600000, KindOfSegments1767312000000];
const AFTER = migrations.length - migrations.indexOf(HoldCredits1769904000000);
const TIME_ZONE = 'Europe/Berlin';
// Ten days and more from today, so that no cycle ends in the hours that the test goes through.
const CYCLE_DAY = (new Date(new SystemClock().nowMs()).getUTCDate() + 14) % 28 || 28;
const RUNS_SINCE_MS = Date.UTC(2026, 0, 1);
const RUNS_SINCE = new Date(RUNS_SINCE_MS);

let url = '';
let open: (() => Promise<void>)[] = [];

async function aDatabase(): Promise<void> {
  url = await createDatabase();
}

afterEach(async () => {
  for (const close of open.reverse()) await close();
  open = [];
});

/** As it was made by createAccount: what that was called with, in the form in which it was kept. */
const creationOf = (name: string): object => ({
  name,
  externalId: name,
  timeZone: TIME_ZONE,
  notificationEmails: [],
  cycleDay: CYCLE_DAY,
  createdAt: null,
  creditsFrom: null,
});

const allocation = (amount: string, unit = 'CREDITS', expiresAt: number | null = null): object => ({
  unit,
  amount,
  source: 'TOP_UP',
  priority: 100,
  effectiveAt: null,
  expiresAt,
  note: null,
});

const FAR_MS = Date.UTC(2090, 0, 1);
const LONG_AGO_MS = Date.UTC(2026, 0, 2);

interface OldLot {
  readonly id: number;
  readonly request: object;
  readonly micro: string;
  readonly unit?: string;
  readonly priority?: number;
  readonly effectiveAt?: string;
  readonly expiresAt?: number;
  readonly isVoided?: boolean;
}

const CREDITS_100: OldLot = { id: 11, request: allocation('100'), micro: '100000000' };
const lots: readonly OldLot[] = [
  CREDITS_100,
  // Spent first, and lasts.
  {
    id: 12,
    request: { ...allocation('10', 'CREDITS', FAR_MS), priority: 10 },
    micro: '10000000',
    priority: 10,
    expiresAt: FAR_MS,
  },
  { id: 13, request: allocation('20'), micro: '20000000', expiresAt: LONG_AGO_MS },
  { id: 14, request: allocation('30'), micro: '30000000', isVoided: true },
  {
    id: 15,
    request: allocation('7'),
    micro: '7000000',
    expiresAt: LONG_AGO_MS,
    isVoided: true,
  },
  { id: 16, request: allocation('40'), micro: '40000000', effectiveAt: '2089-01-01T00:00:00Z' },
  {
    id: 17,
    request: allocation('500', 'WORKFLOW_RUNS'),
    micro: '500000000',
    unit: 'WORKFLOW_RUNS',
  },
  {
    id: 18,
    request: allocation('50', 'WORKFLOW_RUNS'),
    micro: '50000000',
    unit: 'WORKFLOW_RUNS',
    expiresAt: LONG_AGO_MS,
  },
  {
    id: 19,
    request: allocation('60', 'WORKFLOW_RUNS'),
    micro: '60000000',
    unit: 'WORKFLOW_RUNS',
    isVoided: true,
  },
];

/** Two accounts: one with all of that, one that was given nothing; a deployment of each runs at 36 credits an hour. */
async function fill(): Promise<void> {
  await asOwner(
    url,
    sql`insert into hardware_profile (name, kind, model, vcpus, gpus, memory_gb, created_at)
     values ('h', 'GPU', 'm', 1, 1, 1, ${RUNS_SINCE})`,
  );
  await asOwner(
    url,
    sql`insert into hardware_rate (hardware_id, effective_from, rate_micro_per_hour) select hardware_id, ${RUNS_SINCE}, 36000000
     from hardware_profile`,
  );
  for (const name of ['given', 'nothing']) {
    await asOwner(
      url,
      sql`insert into account (external_id, name, time_zone, cycle_day, notification_emails, created_at, credits_from, creation,
         last_local_id, last_seq, recorded_quantity, recorded_credits_micro)
       values (${name}, ${name}, ${TIME_ZONE}, ${CYCLE_DAY}, '{}', ${RUNS_SINCE}, ${RUNS_SINCE}, ${JSON.stringify(creationOf(name))}, 19, 2, 4, 5000000)`,
    );
  }
  await asOwner(
    url,
    sql`insert into resource (account_id, resource_id, kind, external_id, name, created_at, status, deployed_at, changed_at,
       lifecycle_at)
     select account_id, 1, 'GUARDRAIL', 'g', 'G', ${RUNS_SINCE}, 'DEPLOYED', ${RUNS_SINCE}, ${RUNS_SINCE}, ${RUNS_SINCE} from account`,
  );
  await asOwner(
    url,
    sql`insert into hosting_segment (account_id, segment_id, resource_id, hardware_id, replicas, rate_micro_per_hour, from_at, kind)
     select account_id, 2, 1, hardware_id, 1, 36000000, ${RUNS_SINCE}, 'GUARDRAIL' from account, hardware_profile`,
  );
  await asOwner(
    url,
    sql`insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro,
       occurred_at, recorded_at)
     select account_id, seq, 's', seq::text, 'PROCESSING', 'GUARDRAIL', 1, 2, 2500000, ${RUNS_SINCE}, ${RUNS_SINCE}
     from account, generate_series(1, 2) seq`,
  );
  await asOwner(
    url,
    `insert into rollup_state (account_id, time_zone) select account_id, time_zone from account`,
  );
  for (const lot of lots) {
    await asOwner(
      url,
      sql`insert into credit_allocation (account_id, allocation_id, unit, source, amount_micro, priority, effective_at,
         expires_at, voided_at, void_reason, created_at, idempotency_key, request)
       select account_id, ${lot.id}, ${lot.unit ?? 'CREDITS'}, 'TOP_UP', ${lot.micro}, ${lot.priority ?? 100},
         ${new Date(lot.effectiveAt ?? RUNS_SINCE_MS)}, ${lot.expiresAt === undefined ? null : new Date(lot.expiresAt)},
         ${lot.isVoided === true ? new Date(LONG_AGO_MS) : null}, ${lot.isVoided === true ? 'refunded' : null},
         ${RUNS_SINCE}, ${`key ${lot.id}`}, ${JSON.stringify(lot.request)}
       from account where name = 'given'`,
    );
  }
}

async function one(sql: string): Promise<Record<string, unknown>> {
  const rows = await asOwner(url, sql);
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

async function creditsFromMs(name: string): Promise<number> {
  const row = await one(
    `select (extract(epoch from credits_from) * 1000)::float8 as ms from account where name = '${name}'`,
  );
  return Number(row['ms']);
}

/** The gateway's services on the migrated database, at an instant. */
async function appAt(atMs: number): Promise<App> {
  const database = await openDatabase({ url, poolSize: 4, entities });
  const app = createApp({
    database,
    clock: new ManualClock(atMs),
    ingestWindowDays: 400,
    ingestAheadSeconds: 300,
    onError: (error) => {
      throw error;
    },
  });
  open.push(async () => {
    await app.close();
    await database.close();
  });
  return app;
}

const OF_GIVEN = `from credit_state c join billing_cycle b using (account_id, cycle_id) join account a using (account_id)
  where a.name = 'given'`;

describe('accounts from before credits were kept', () => {
  it('begin with what they were given and is in effect, and with nothing charged', async () => {
    await aDatabase();
    await migrate({ url, migrations: BEFORE });
    await fill();
    const before = new SystemClock().nowMs();
    await migrate({ url, migrations });
    const after = new SystemClock().nowMs();
    const fromMs = await creditsFromMs('given');
    const account = await one(
      `select settled_at = credits_from as stands, is_test, last_local_id::int, cycle_starts_at, cycle_ends_at,
         earlier_cycle_starts from account where name = 'given'`,
    );
    const state = await one(
      `select c.balance_micro::int, c.debt_micro::int, c.has_credits, c.has_runs, c.last_ledger_sequence::int,
         b.starts_at = a.cycle_starts_at and b.ends_at = a.cycle_ends_at as has_cycle, b.allocated_micro::int,
         b.used_micro::int, c.next_due_at > a.credits_from as is_due ${OF_GIVEN}`,
    );
    const states = await asOwner(
      url,
      'select allocation_id::int, state, spent_micro::int from credit_allocation order by 1',
    );
    const rules = await asOwner(
      url,
      `select w.measure, (w.value_micro / 1000000)::int as value, w.is_reached from alert_rule w join account using (account_id)
       where name = 'nothing' order by rule_id`,
    );

    // Credits are kept from the moment of the migration on, in the cycle of a new account at that moment.
    expect(fromMs).toBeGreaterThanOrEqual(before - 1_000);
    expect(fromMs).toBeLessThanOrEqual(after + 1_000);
    const cycle = firstAccountCycle({ timeZone: TIME_ZONE, cycleDay: CYCLE_DAY }, fromMs);
    expect(account).toEqual({
      stands: true,
      is_test: false,
      last_local_id: 31,
      cycle_starts_at: new Date(cycle.startMs),
      cycle_ends_at: new Date(cycle.endMs),
      earlier_cycle_starts: cycle.earlierStartsMs.map((ms) => new Date(ms)),
    });
    expect(state).toEqual({
      balance_micro: 0,
      debt_micro: 0,
      has_credits: false,
      has_runs: false,
      last_ledger_sequence: 0,
      has_cycle: true,
      allocated_micro: 0,
      used_micro: 0,
      is_due: true,
    });
    expect(states.map((row) => [row['allocation_id'], row['state'], row['spent_micro']])).toEqual([
      [11, 'PENDING', 0],
      [12, 'PENDING', 0],
      [13, 'EXPIRED', 0],
      [14, 'VOIDED', 0],
      [15, 'VOIDED', 0],
      [16, 'PENDING', 0],
      [17, 'PENDING', 0],
      [18, 'EXPIRED', 0],
      [19, 'VOIDED', 0],
    ]);
    // Those of a new account: the three limits, 24 hours to the stop, and 50, 70, 80 and 90 % of credits and of runs.
    expect(rules.map((row) => [row['measure'], row['value'], row['is_reached']])).toEqual([
      ['LOW_CREDIT', 0, false],
      ['ZERO', 0, false],
      ['NEGATIVE_LIMIT', 0, false],
      ['HOURS_TO_STOP', 24, false],
      ...['CREDITS_USED_PERCENT', 'RUNS_USED_PERCENT'].flatMap((measure) =>
        [50, 70, 80, 90].map((percent) => [measure, percent, false]),
      ),
    ]);
  });

  it('are settled from there on: lots granted, hosting charged from the migration on, thresholds crossed', async () => {
    await aDatabase();
    await migrate({ url, migrations: BEFORE });
    await fill();
    await migrate({ url, migrations });
    const fromMs = await creditsFromMs('given');
    const twoHoursLaterMs = fromMs + 2 * 3_600_000;
    await setDatabaseClock(url, new Date(twoHoursLaterMs).toISOString());
    const app = await appAt(twoHoursLaterMs);

    await app.due.settleDue();

    const ledger = await asOwner(
      url,
      `select l.kind, l.amount_micro::int, l.balance_micro::int, (extract(epoch from l.booked_at) * 1000)::float8 as at_ms
       from ledger_entry l join account a using (account_id) where a.name = 'given' order by sequence`,
    );
    const alerts = await asOwner(
      url,
      `select a.name, x.sequence::int, x.kind, x.remaining_micro::int, (extract(epoch from x.crossed_at) * 1000)::float8 as at_ms
       from alert x join account a using (account_id) order by a.name, x.sequence`,
    );
    const state = await one(
      `select c.balance_micro::int, c.has_credits, c.has_runs, b.allocated_micro::int, b.used_micro::int, b.expired_micro::int,
         b.runs_allocated_micro::int, (extract(epoch from c.next_due_at) * 1000)::float8 as due_ms ${OF_GIVEN}`,
    );
    const spent = await asOwner(
      url,
      `select allocation_id::int, spent_micro::int from credit_allocation where state = 'SPENDABLE' order by 1`,
    );
    const nothing = await one(
      `select c.balance_micro::int, c.has_credits, c.last_ledger_sequence::int, r.status::text, s.to_at
       from credit_state c join account a using (account_id) join resource r using (account_id)
         join hosting_segment s using (account_id) where a.name = 'nothing'`,
    );

    // The lots take effect a millisecond after the credits' begin, when hosting has cost 0.00001 already: the lot that is
    // spent first pays that. What was used before is history.
    const after = (row: Record<string, unknown>): number => Number(row['at_ms']) - fromMs;
    expect(
      ledger.map((row) => [row['kind'], row['amount_micro'], row['balance_micro'], after(row)]),
    ).toEqual([
      ['USAGE', -10, -10, 1],
      ['ALLOCATION', 10_000_000, 9_999_990, 1],
      ['ALLOCATION', 100_000_000, 109_999_990, 1],
    ]);
    // 110 credits last for 3 hours and some; half of them, at 10 micro-credits a millisecond, for 5,500 s.
    expect(
      alerts.map((row) => [
        row['name'],
        row['sequence'],
        row['kind'],
        row['remaining_micro'],
        after(row),
      ]),
    ).toEqual([
      ['given', 1, 'STOP_EXPECTED', 109_999_990, 1],
      ['given', 2, 'CREDIT_THRESHOLD', 55_000_000, 5_500_000],
    ]);
    expect(state).toEqual({
      balance_micro: 109_999_990,
      has_credits: true,
      has_runs: true,
      allocated_micro: 110_000_000,
      used_micro: 10,
      expired_micro: 0,
      runs_allocated_micro: 500_000_000,
      // 70 %: 77 credits.
      due_ms: fromMs + 7_700_000,
    });
    expect(spent.map((row) => [row['allocation_id'], row['spent_micro']])).toEqual([
      [11, 0],
      [12, 10],
      [17, 0],
    ]);
    // Who was given nothing is told nothing, and not stopped.
    expect(nothing).toEqual({
      balance_micro: 0,
      has_credits: false,
      last_ledger_sequence: 0,
      status: 'DEPLOYED',
      to_at: null,
    });
  });

  it('are found again by the calls that made them', async () => {
    await aDatabase();
    await migrate({ url, migrations: BEFORE });
    await fill();
    await migrate({ url, migrations });
    const app = await appAt((await creditsFromMs('given')) + 1_000);
    await app.keys.ensureOperatorKey(OPERATOR_KEY);
    const actor = await app.keys.authenticate(OPERATOR_KEY);
    invariant(actor !== null && actor !== 'ENDED', 'the key is in force');
    const row = await one(`select account_id from account where name = 'given'`);
    const accountId = Number(row['account_id']);

    const account = await app.creditAccounts.create(actor, {
      name: 'given',
      externalId: 'given',
      timeZone: TIME_ZONE,
      cycleDay: CYCLE_DAY,
    });
    const again = await app.credits.allocate(actor, {
      accountId: encodeId('Account', accountId, accountId),
      amount: '100',
      idempotencyKey: `key ${CREDITS_100.id}`,
    });

    expect(account.accountId).toBe(accountId);
    expect(again.allocationId).toBe(CREDITS_100.id);
    expect(await asOwner(url, 'select from credit_allocation')).toHaveLength(lots.length);
  });

  it('are as they were when the migration is taken back, and come up again', async () => {
    const OLD = `select account_id, external_id, name, time_zone, cycle_day, creation, recorded_credits_micro::int from account
      order by account_id`;
    const OLD_LOTS = `select allocation_id::int, unit, source, amount_micro::int, priority, effective_at, expires_at, voided_at,
      void_reason, note, created_at, idempotency_key, request from credit_allocation order by 1`;
    await aDatabase();
    await migrate({ url, migrations: BEFORE });
    await fill();
    const accounts = await asOwner(url, OLD);
    const allocations = await asOwner(url, OLD_LOTS);
    const hosting = await asOwner(url, 'select * from hosting_segment order by account_id');
    await migrate({ url, migrations });
    const app = await appAt((await creditsFromMs('given')) + 3_600_000);
    await app.due.settleDue();

    await migrateDown({ url, migrations }, AFTER);
    const down = [await asOwner(url, OLD), await asOwner(url, OLD_LOTS)];
    const hostingDown = await asOwner(url, 'select * from hosting_segment order by account_id');
    await migrate({ url, migrations });
    const upAgain = await asOwner(
      url,
      `select state, count(*)::int from credit_allocation group by 1 order by 1`,
    );

    expect(down).toEqual([accounts, allocations]);
    expect(hostingDown).toEqual(hosting);
    expect(upAgain.map((row) => [row['state'], row['count']])).toEqual([
      ['PENDING', 4],
      ['EXPIRED', 2],
      ['VOIDED', 3],
    ]);
  });
});
