// The chain of hashes in the ledger: what the gateway writes verifies, what is changed by hand in the database is found and named.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrations } from '../../ormconfig.ts';
import { ChainLedger1770222000000 } from '../../migrations/1770222000000-chain-ledger.ts';
import { migrate, migrateDown } from '../../src/db/migrate.ts';
import { raw, sql, type Sql } from '../../src/db/sql.ts';
import { LedgerCheckService, type LedgerFault } from '../../src/recording/ledger-check.service.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  moveClock,
  numberOf,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { runCommand } from '../support/command.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import {
  AdjustCreditsDocument,
  RecordHostingDocument,
  RecordUsageDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'h', '3.6');
});

afterAll(async () => {
  await gateway.close();
});

async function use(accountId: string, ids: readonly string[], occurredAt: string): Promise<number> {
  const events = ids.map((eventId) => ({
    source: 's',
    eventId,
    type: 'PROCESSING' as const,
    resourceKind: 'GUARDRAIL' as const,
    resourceExternalId: 'g',
    credits: '1.5',
    occurredAt,
  }));
  return (await ask(gateway, RecordUsageDocument, { accountId, events })).recordUsage.accepted;
}

async function adjust(accountId: string, amount: string, idempotencyKey: string): Promise<void> {
  const reason = 'a "reason" — für uns';
  await ask(gateway, AdjustCreditsDocument, {
    input: { accountId, amount, reason, idempotencyKey },
  });
}

/** An account with entries of every kind: hosting, a period, events, some doubled, some from before its credits, and voids. */
async function aLedgerOfEverything(externalId: string): Promise<string> {
  const id = await createAccount(gateway, { externalId, testClock: '2026-03-01T00:00:00Z' });
  await allocate(gateway, id, '3000', { everyCycle: true });
  const g = await deployGuardrail(gateway, id, 'h');
  await registerGuardrail(gateway, id, 'other');
  await moveClock(gateway, id, '2026-04-11T00:00:00Z');
  await undeploy(gateway, g);
  await use(id, ['a', 'b', 'c'], '2026-04-10T00:00:00Z');
  await use(id, ['before'], '2026-02-10T00:00:00Z');
  // Two of these are recorded already, which only the insert shows.
  expect(await use(id, ['a', 'd', 'b', 'e'], '2026-04-10T00:00:00Z')).toBe(2);
  const period = { source: 's', eventId: 'p', resourceKind: 'GUARDRAIL' as const, hardware: 'h' };
  await ask(gateway, RecordHostingDocument, {
    accountId: id,
    periods: [
      {
        ...period,
        resourceExternalId: 'other',
        // It begins before the account's credits.
        from: '2026-02-28T23:00:00Z',
        to: '2026-03-01T10:00:00.007Z',
      },
    ],
  });
  for (const eventId of ['e', 'p']) {
    const of = { accountId: id, source: 's', eventId, reason: 'r' };
    await ask(gateway, VoidUsageDocument, of);
  }
  await adjust(id, '-36', 'down');
  await moveClock(gateway, id, '2026-05-01T00:00:00Z');
  return id;
}

/** An account with six entries: 100 credits, a batch of three events, hosting, and three adjustments. */
async function aLedger(): Promise<{ readonly id: string; readonly number: number }> {
  const id = await createAccount(gateway, { testClock: '2026-03-01T00:00:00Z' });
  await allocate(gateway, id, '100');
  const g = await deployGuardrail(gateway, id, 'h');
  await moveClock(gateway, id, '2026-03-01T01:00:00Z');
  await use(id, ['a', 'b', 'c'], '2026-03-01T00:30:00Z');
  await undeploy(gateway, g);
  for (const key of ['1', '2', '3']) await adjust(id, `-${key}`, key);
  const number = numberOf(id);
  expect(await check(number)).toEqual([]);
  return { id, number };
}

async function check(accountId: number): Promise<readonly LedgerFault[]> {
  const checked = await new LedgerCheckService(gateway.database).check(accountId);
  if (checked === null) throw new Error('there is such an account');
  return checked.faults;
}

/** Runs SQL as the database's owner, who may do everything. */
async function byHand(statement: Sql): Promise<void> {
  await asOwner(gateway.databaseUrl, statement);
}

/** Gives the entries of an account from one sequence on the next or an earlier number, with their charges. */
async function renumber(accountId: number, from: number, by: number): Promise<void> {
  for (const table of ['ledger_entry', 'ledger_charge'].map(raw)) {
    // In two steps, because numbers are unique.
    await byHand(sql`update ${table} set sequence = -sequence - ${by}
      where account_id = ${accountId} and sequence >= ${from}`);
    await byHand(
      sql`update ${table} set sequence = -sequence where account_id = ${accountId} and sequence < 0`,
    );
  }
}

describe('a ledger as the gateway wrote it', () => {
  it('verifies, whatever its entries charge', async () => {
    const id = await aLedgerOfEverything('everything');
    const checked = await new LedgerCheckService(gateway.database).check(numberOf(id));
    const kinds = await asOwner(
      gateway.databaseUrl,
      sql`select distinct kind::text from ledger_entry where account_id = ${numberOf(id)} order by 1`,
    );

    expect(checked?.faults).toEqual([]);
    expect(checked?.entries).toBeGreaterThan(12);
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'ADJUSTMENT',
      'ALLOCATION',
      'CARRY_OVER',
      'EXPIRY',
      'REVERSAL',
      'USAGE',
    ]);
  });

  itOnOneServer('is chained by the migration as the gateway chains it', async () => {
    const own = await startTestGateway();
    const others = gateway;
    gateway = own;
    await createHardware(own, 'h', '3.6');
    for (const name of ['one', 'two']) await aLedgerOfEverything(name);
    const chain = async (): Promise<unknown> => [
      await asOwner(
        own.databaseUrl,
        `select account_id, sequence, encode(hash, 'hex') as hash from ledger_entry order by 1, 2`,
      ),
      await asOwner(
        own.databaseUrl,
        `select account_id, encode(last_ledger_hash, 'hex') as hash from credit_state order by 1`,
      ),
    ];
    const written = await chain();

    const url = own.databaseUrl;
    const after = migrations.length - migrations.indexOf(ChainLedger1770222000000);
    await migrateDown({ url, migrations }, after);
    await migrate({ url, migrations });

    expect(await chain()).toEqual(written);
    await own.close();
    gateway = others;
  });
});

describe('what is changed by hand', () => {
  it.each([
    "description = 'x'",
    "booked_at = '2026-01-01'",
    "recorded_at = '2026-01-01'",
    "kind = 'VOID'",
    'cycle_id = 2',
    'allocation_id = 1',
    'balance_micro = balance_micro + 1',
  ])('in an entry is found: %s', async (change) => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_entry set ${raw(change)}
      where account_id = ${number} and sequence = 4`);

    expect(await check(number)).toEqual([{ what: 'CHANGED', sequence: 4 }]);
  });

  it('in the last entry is found', async () => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_entry set description = 'x'
      where account_id = ${number} and sequence = 6`);

    expect(await check(number)).toEqual([{ what: 'CHANGED', sequence: 6 }]);
  });

  it('in several entries is found in each', async () => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_entry set description = 'x'
      where account_id = ${number} and sequence in (1, 2, 5)`);

    expect(await check(number)).toEqual(
      [1, 2, 5].map((sequence) => ({ what: 'CHANGED', sequence })),
    );
  });

  it('in the charge of an event is found, with what its entry charged', async () => {
    const { number } = await aLedger();
    await byHand(sql`update usage_event set credits_micro = credits_micro + 7
      where account_id = ${number} and event_id = 'b'`);

    expect(await check(number)).toEqual([
      { what: 'CHARGES_CHANGED', sequence: 2, amountMicro: -4_500_000n, chargedMicro: -4_500_007n },
    ]);
  });

  it('in the charges of two events is found also where their sum is the same', async () => {
    const { number } = await aLedger();
    await byHand(sql`update usage_event
      set credits_micro = credits_micro + case when event_id = 'b' then 7 else -7 end
      where account_id = ${number} and event_id in ('b', 'c')`);

    expect(await check(number)).toEqual([{ what: 'CHANGED', sequence: 2 }]);
  });

  it('in the charge of hosting is found', async () => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_charge set charged_micro = 1 where account_id = ${number}`);

    expect(await check(number)).toEqual([
      { what: 'CHARGES_CHANGED', sequence: 3, amountMicro: -3_600_000n, chargedMicro: -1n },
    ]);
  });

  it('in a hash is found', async () => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_entry set hash = sha256('x'::bytea)
      where account_id = ${number} and sequence in (2, 6)`);

    expect(await check(number)).toEqual([
      { what: 'HASH_CHANGED', sequence: 2 },
      { what: 'HASH_CHANGED', sequence: 6 },
    ]);
  });

  it('in the last hash, number or balance that the account keeps is found', async () => {
    const [first, second] = [await aLedger(), await aLedger()];
    await byHand(sql`update credit_state set last_ledger_hash = sha256('x'::bytea)
      where account_id = ${first.number}`);
    await byHand(sql`update credit_state set balance_micro = balance_micro + 1
      where account_id = ${second.number}`);

    expect(await check(first.number)).toEqual([{ what: 'LAST_ENTRY', lastSequence: 6 }]);
    // 100 credits less 3.6 of hosting, 4.5 of events and adjustments of 1, 2 and 3.
    expect(await check(second.number)).toEqual([
      { what: 'BALANCE', balanceMicro: 85_900_001n, lastEntryBalanceMicro: 85_900_000n },
    ]);
  });
});

describe('what is deleted by hand', () => {
  const remove = async (number: number, sequences: readonly number[]): Promise<void> =>
    byHand(sql`delete from ledger_entry
      where account_id = ${number} and sequence = any(${sequences}::bigint[])`);

  it.each([
    [[1], [[1, 1]]],
    [[4], [[4, 4]]],
    [
      [2, 4],
      [
        [2, 2],
        [4, 4],
      ],
    ],
    [[3, 4], [[3, 4]]],
  ])('is missed: %j', async (sequences, expected) => {
    const { number } = await aLedger();
    await remove(number, sequences);

    expect(await check(number)).toEqual(
      expected.map(([from, to]) => ({ what: 'MISSING', from, to })),
    );
  });

  it('is missed at the end of the ledger', async () => {
    const { number } = await aLedger();
    await remove(number, [5, 6]);

    expect(await check(number)).toEqual([
      { what: 'MISSING', from: 5, to: 6 },
      expect.objectContaining({ what: 'BALANCE' }),
    ]);
  });

  it('is missed where the entries after it were given its number', async () => {
    const { number } = await aLedger();
    await remove(number, [4]);
    await renumber(number, 5, -1);

    expect(await check(number)).toEqual([
      { what: 'MISSING', from: 4, to: 4 },
      { what: 'MOVED', from: 4, to: 5, by: -1 },
    ]);
  });

  it('is missed where the account was told an earlier last number', async () => {
    const { number } = await aLedger();
    await remove(number, [6]);
    await byHand(sql`update credit_state set last_ledger_sequence = 5, balance_micro = balance_micro + 3000000
      where account_id = ${number}`);

    expect(await check(number)).toEqual([{ what: 'LAST_ENTRY', lastSequence: 5 }]);
  });
});

describe('what is inserted by hand', () => {
  const insert = async (number: number, sequence: number): Promise<void> =>
    byHand(sql`insert into ledger_entry
      select account_id, ${sequence}, kind, amount_micro, balance_micro, booked_at, recorded_at, allocation_id, first_seq,
        last_seq, description, cycle_id, hash
      from ledger_entry where account_id = ${number} and sequence = 5`);

  it('is found at the end of the ledger', async () => {
    const { number } = await aLedger();
    await insert(number, 7);
    const faults = await check(number);

    expect(faults[0]).toEqual({ what: 'INSERTED', sequence: 7 });
  });

  it('is found between others that were given later numbers', async () => {
    const { number } = await aLedger();
    await renumber(number, 4, 1);
    await insert(number, 4);
    await byHand(sql`update ledger_entry set hash = sha256('made up'::bytea)
      where account_id = ${number} and sequence = 4`);

    expect(await check(number)).toEqual([
      { what: 'MOVED', from: 5, to: 7, by: 1 },
      { what: 'INSERTED', sequence: 4 },
    ]);
  });
});

describe('what is reordered by hand', () => {
  it('is found, with the numbers under which it was written', async () => {
    const { number } = await aLedger();
    await byHand(sql`update ledger_entry set sequence = -sequence
      where account_id = ${number} and sequence in (4, 5)`);
    await byHand(sql`update ledger_entry set sequence = 9 + sequence
      where account_id = ${number} and sequence < 0`);

    expect(await check(number)).toEqual([
      { what: 'MOVED', from: 5, to: 5, by: 1 },
      { what: 'MOVED', from: 4, to: 4, by: -1 },
    ]);
  });

  itOnOneServer("is found where an entry was moved to another account's ledger", async () => {
    const [one, other] = [await aLedger(), await aLedger()];
    await byHand(sql`delete from ledger_entry where account_id = ${other.number} and sequence = 6`);
    await byHand(sql`update ledger_entry set account_id = ${other.number}, sequence = 6
      where account_id = ${one.number} and sequence = 5`);

    expect((await check(other.number))[0]).toEqual({ what: 'CHANGED', sequence: 6 });
  });
});

describe('the command', () => {
  const verify = (...args: readonly string[]): ReturnType<typeof runCommand> =>
    runCommand('verify', args, { env: { DATABASE_URL: gateway.databaseUrl } });

  it('ends with status 0 or 1, and says what is wrong', async () => {
    const [right, wrong] = [await aLedger(), await aLedger()];
    await byHand(sql`update usage_event set credits_micro = 0
      where account_id = ${wrong.number} and event_id = 'b'`);

    expect(await verify('--account', right.id)).toEqual({
      status: 0,
      output: `${right.id}: all 6 entries and 0 statements are as they were written.\n`,
    });
    expect(await verify('--account', right.id, wrong.id)).toEqual({
      status: 1,
      output: `${right.id}: all 6 entries and 0 statements are as they were written.
${wrong.id}: not all 6 entries and 0 statements are as they were written.
  The charges of entry 2 were changed: they add up to -3, its amount is -4.5.
`,
    });
    const unknown = await verify('--account', 'nobody');
    expect([unknown.status, unknown.output]).toEqual([1, expect.stringContaining('"nobody"')]);
  });
});
