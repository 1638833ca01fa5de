// Clocks that disagree: what is booked is booked by the database's time, and nothing of the future.

import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/core/clock.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  undeploy,
} from '../support/account.ts';
import { setDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import { asOwner, startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { describeOnOneServer } from '../support/left-out.ts';
import {
  AdjustCreditsDocument,
  type AdjustCreditsInput,
  CreateAccountDocument,
  RecordUsageDocument,
  UndeployDocument,
  type Operation,
} from '@billing-gateway/client/operations';
import { sql } from '../../src/db/sql.ts';

const NOON = Date.parse(TEST_NOW);
const TEN_MINUTES = 600_000;
const HOUR = 3_600_000;

/** Makes the database. */
let first: TestGateway;
/** On time, ten minutes ahead and ten minutes behind. */
let gateway: TestGateway;
let ahead: TestGateway;
let behind: TestGateway;
let databaseClock: DatabaseClock;
/** A gateway on the real clock, whose machine the test stands for. */
let real: TestGateway;
let clock: SystemClock;
const machine = { wallMs: NOON + TEN_MINUTES, passedMs: 5_000, upMs: 90_000 };
let names = 0;

beforeAll(async () => {
  first = await startTestGateway();
  databaseClock = await setDatabaseClock(first.databaseUrl, TEST_NOW);
  gateway = await startTestGateway({ beside: first, now: TEST_NOW });
  ahead = await startTestGateway({ beside: first, now: TEST_NOW });
  behind = await startTestGateway({ beside: first, now: TEST_NOW });
  clock = newClock();
  real = await startTestGateway({ beside: first, time: { nowMs: () => clock.nowMs() } });
  await createHardware(gateway, 'h', '36');
});

afterAll(async () => {
  for (const one of [real, behind, ahead, gateway, first]) await one.close();
});

beforeEach(async () => {
  await setTimes(0);
});

/** The clock of a gateway that starts. */
function newClock(): SystemClock {
  return new SystemClock({ wallMs: () => machine.wallMs, passedMs: () => machine.passedMs });
}

/** All clocks, from noon on: two gateways ten minutes off. */
async function setTimes(afterMs: number): Promise<void> {
  await databaseClock.set(new Date(NOON + afterMs).toISOString());
  gateway.clock.moveTo(NOON + afterMs);
  ahead.clock.moveTo(NOON + afterMs + TEN_MINUTES);
  behind.clock.moveTo(NOON + afterMs - TEN_MINUTES);
}

/** Lets the real gateway take in what the database's clock says. */
async function follow(): Promise<number> {
  const askedMs = clock.passedMs();
  return clock.follow({ askedMs, databaseMs: await real.database.clockMs(), upMs: machine.upMs });
}

function pass(ms: number): void {
  machine.wallMs += ms;
  machine.passedMs += ms;
  machine.upMs += ms;
}

/** The code of a refusal, or null. */
async function refusal<TData, TVariables>(
  by: TestGateway,
  document: Operation<TData, TVariables>,
  variables: TVariables,
): Promise<string | null> {
  const { errors } = await by.query(document, variables);
  return errors?.[0]?.extensions.code ?? null;
}

interface Burning {
  readonly id: string;
  readonly guardrailId: string;
  readonly name: string;
}

/**
 * An account with 36 credits and a deployment that began at noon: 36 credits an hour are 0.01 a second, so half are used
 * after 30 minutes, all after an hour.
 */
async function burning(by = gateway, testClock: string | null = null): Promise<Burning> {
  names += 1;
  const name = `account ${names}`;
  const id = await createAccount(by, {
    name,
    usageThresholds: ['50'],
    hoursToStop: [],
    negativeLimit: '-36',
    testClock,
  });
  await allocate(by, id, '36');
  return { id, guardrailId: await deployGuardrail(by, id, 'h'), name };
}

const adjustment = (
  { id }: Burning,
  idempotencyKey: string,
): { readonly input: AdjustCreditsInput } => ({
  input: { accountId: id, amount: '-1', reason: 'test', idempotencyKey },
});

/** What was booked, and up to where: seconds after noon. */
async function bookedOf({ name }: Burning): Promise<unknown> {
  const [row] = await asOwner(
    gateway.databaseUrl,
    sql`select (extract(epoch from a.settled_at) * 1000)::float8 as settled_ms, c.balance_micro::text as balance,
       (select count(*)::int from usage_event e where e.account_id = a.account_id) as events,
       (select json_agg(json_build_array(kind, amount_micro / 1e6, (extract(epoch from booked_at) * 1000)::float8) order by sequence)
        from ledger_entry l where l.account_id = a.account_id) as ledger,
       (select json_agg(json_build_array(kind, (extract(epoch from crossed_at) * 1000)::float8) order by sequence)
        from alert t where t.account_id = a.account_id) as alerts
     from account a join credit_state c using (account_id) where a.name = ${name}`,
  );
  const after = (ms: unknown): number => (Number(ms) - NOON) / 1_000;
  const ledger = row?.['ledger'] as [string, number, number][];
  const alerts = (row?.['alerts'] ?? []) as [string, number][];
  return {
    at: after(row?.['settled_ms']),
    balance: Number(row?.['balance']) / 1e6,
    events: row?.['events'],
    ledger: ledger.map(([kind, amount, ms]) => `${kind} ${amount} at ${after(ms)}`),
    alerts: alerts.map(([kind, ms]) => `${kind} at ${after(ms)}`),
  };
}

const UNTOUCHED = { at: 0, balance: 36, events: 0, ledger: ['ALLOCATION 36 at 0'], alerts: [] };

// The clock that a test sets is one server's.
describeOnOneServer('a gateway that is ten minutes ahead', () => {
  it('writes nothing, whatever it is asked to, and settles nothing that is not due', async () => {
    const account = await burning();
    // Half of the credits are used at 12:30: not yet, but by the clock of the one that is ahead.
    await setTimes(25 * 60_000);

    const codes = [
      await refusal(ahead, RecordUsageDocument, {
        accountId: account.id,
        events: [
          {
            source: 's',
            eventId: '1',
            type: 'PROCESSING',
            occurredAt: new Date(NOON).toISOString(),
            resourceId: account.guardrailId,
            credits: '1',
          },
        ],
      }),
      await refusal(ahead, UndeployDocument, { id: account.guardrailId }),
      await refusal(ahead, AdjustCreditsDocument, adjustment(account, 'a')),
      await refusal(ahead, CreateAccountDocument, { input: { name: 'never' } }),
    ];
    await ahead.app.due.settleDue();

    expect(codes).toEqual(Array(4).fill('UNAVAILABLE'));
    expect(await bookedOf(account)).toEqual(UNTOUCHED);
    const made = await asOwner(gateway.databaseUrl, `select from account where name = 'never'`);
    expect(made).toEqual([]);
    expect(ahead.takeFaults()).toEqual([]);
  });

  it("settles what is due by the database's clock, up to that clock", async () => {
    const account = await burning();
    await setTimes(31 * 60_000);

    await ahead.app.due.settleDue();

    // 31 minutes have used 18.6 credits, which are accrued: nothing was posted.
    expect(await bookedOf(account)).toEqual({
      ...UNTOUCHED,
      at: 31 * 60,
      alerts: ['CREDIT_THRESHOLD at 1800'],
    });
  });

  it('leaves the others to write: the account is where they brought it', async () => {
    const account = await burning();
    await setTimes(60_000);
    await refusal(ahead, UndeployDocument, { id: account.guardrailId });

    await undeploy(gateway, account.guardrailId);
    // Ten minutes behind: the account's now does not go back with it.
    await ask(behind, AdjustCreditsDocument, adjustment(account, 'b'));

    // 60 s at 0.01 credits a second.
    expect(await bookedOf(account)).toEqual({
      ...UNTOUCHED,
      at: 60,
      balance: 34.4,
      ledger: ['ALLOCATION 36 at 0', 'USAGE -0.6 at 60', 'ADJUSTMENT -1 at 60'],
    });
  });

  it('may be ahead by a second, and not by a millisecond more', async () => {
    const account = await burning();
    ahead.clock.moveTo(NOON + 1_001);
    const refused = await refusal(ahead, AdjustCreditsDocument, adjustment(account, 'c'));
    ahead.clock.moveTo(NOON + 1_000);
    await ask(ahead, AdjustCreditsDocument, adjustment(account, 'd'));

    expect(refused).toBe('UNAVAILABLE');
    expect(await bookedOf(account)).toMatchObject({ at: 1, balance: 35 });
  });

  it('serves test accounts, which have clocks of their own', async () => {
    // A year ahead of the database.
    const account = await burning(ahead, '2027-03-10T12:00:00Z');
    await undeploy(ahead, account.guardrailId);
    await moveClock(ahead, account.id, '2027-03-10T13:00:00Z');

    expect(await bookedOf(account)).toMatchObject({ at: 365 * 86_400 + 3_600, balance: 36 });
  });
});

describeOnOneServer('a gateway that keeps its time by the database', () => {
  beforeEach(async () => {
    machine.wallMs = NOON + TEN_MINUTES;
    clock = newClock();
    await follow();
  });

  it.each([2 * HOUR, -2 * HOUR])(
    'charges what ran, where its wall clock steps by %i ms',
    async (step) => {
      const account = await burning(real);
      machine.wallMs += step;
      pass(60_000);
      await setTimes(60_000);
      await follow();
      await undeploy(real, account.guardrailId);

      expect(await bookedOf(account)).toEqual({
        ...UNTOUCHED,
        at: 60,
        balance: 35.4,
        ledger: ['ALLOCATION 36 at 0', 'USAGE -0.6 at 60'],
      });
    },
  );

  it("charges what ran, where the database's clock steps forward by two hours", async () => {
    const account = await burning(real);
    pass(50_000);
    await setTimes(2 * HOUR + 50_000);
    await real.app.due.settleDue();
    const whileForward = await bookedOf(account);
    // It hears of the step, and comes nearer to it by a thousandth of the 50 seconds since it last asked: 50 ms.
    const differsMs = await follow();
    await undeploy(real, account.guardrailId);

    expect(whileForward).toEqual(UNTOUCHED);
    expect(differsMs).toBe(2 * HOUR - 50);
    expect(await bookedOf(account)).toEqual({
      ...UNTOUCHED,
      at: 50.05,
      balance: 35.4995,
      ledger: ['ALLOCATION 36 at 0', 'USAGE -0.5005 at 50.05'],
    });
  });

  it("writes nothing while the database's clock is two hours back, and is right when that is set right", async () => {
    const account = await burning(real);
    pass(60_000);
    await setTimes(60_000 - 2 * HOUR);
    const codes = [await refusal(real, UndeployDocument, { id: account.guardrailId })];
    await follow();
    codes.push(await refusal(real, UndeployDocument, { id: account.guardrailId }));
    await real.app.due.settleDue();
    const whileBack = await bookedOf(account);
    pass(60_000);
    await setTimes(120_000);
    await follow();
    await undeploy(real, account.guardrailId);

    expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(whileBack).toEqual(UNTOUCHED);
    expect(await bookedOf(account)).toEqual({
      ...UNTOUCHED,
      at: 120,
      balance: 34.8,
      ledger: ['ALLOCATION 36 at 0', 'USAGE -1.2 at 120'],
    });
  });

  it("stands with its accounts when it is started after the database's clock was set back, and lets them be written", async () => {
    const account = await burning(real);
    pass(60_000);
    await setTimes(60_000);
    await ask(real, AdjustCreditsDocument, adjustment(account, 'e'));
    await setTimes(-HOUR);
    clock = newClock();
    await follow();
    await undeploy(real, account.guardrailId);

    // It stood at 12:01 already, and nothing was charged beyond.
    expect(await bookedOf(account)).toEqual({
      ...UNTOUCHED,
      at: 60,
      balance: 34.4,
      ledger: ['ALLOCATION 36 at 0', 'ADJUSTMENT -1 at 60', 'USAGE -0.6 at 60'],
    });
  });
});
