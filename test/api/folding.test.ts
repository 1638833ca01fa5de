// When accounts are folded, how many statements that takes, and what happens to an account that cannot be folded or that an earlier
// release folded.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import { FoldingLoop } from '../../src/rollups/folding.loop.ts';
import { convertNext } from '../../src/rollups/hours.store.ts';
import { sql } from '../../src/db/sql.ts';
import { loadFoldedUpTo } from '../../src/views/tail.store.ts';
import {
  ask,
  createAccount,
  createHardware,
  deploy,
  fund,
  numberOf,
  recordUsage,
  register,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import {
  ReportDocument,
  UpdateAccountDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

async function anAccount(timeZone = 'UTC'): Promise<{ id: string; number: number }> {
  const id = await createAccount(gateway, { timeZone });
  await registerGuardrail(gateway, id);
  return { id, number: numberOf(id) };
}

/** Records an event of the account's guardrail that happened so long ago. */
async function record(accountId: string, agoMs = HOUR_MS, eventId?: string): Promise<void> {
  await recordUsage(gateway, accountId, {
    ...(eventId === undefined ? {} : { eventId }),
    ...{ credits: '1.5', resourceKind: 'GUARDRAIL' as const, resourceExternalId: 'g' },
    occurredAt: new Date(gateway.clock.nowMs() - agoMs).toISOString(),
  });
}

/** How many events of each account are not folded. */
async function tails(...accounts: readonly number[]): Promise<readonly number[]> {
  const rows = await asOwner(
    gateway.databaseUrl,
    sql`select (a.last_seq - coalesce(s.watermark, 0))::int as tail
     from account a left join rollup_state s using (account_id)
     where account_id = any(${accounts}) order by account_id`,
  );
  return rows.map(({ tail }) => Number(tail));
}

async function differences(account: number): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for await (const checked of new RollupCheckService(gateway.database).check([account])) {
    found.push(...checked.differences);
  }
  return found;
}

/** A loop that is run by hand, by a clock of its own; it has looked at everything already. */
async function aLoop(): Promise<{
  loop: FoldingLoop;
  faults: unknown[];
  pass: (ms: number) => Promise<void>;
}> {
  const faults: unknown[] = [];
  let elapsedMs = 0;
  const loop = new FoldingLoop(
    gateway.database,
    (error) => faults.push(error),
    () => elapsedMs,
  );
  await loop.foldDue();
  return {
    loop,
    faults,
    pass: async (passedMs) => {
      elapsedMs += passedMs;
      await loop.foldDue();
    },
  };
}

describe('folding', () => {
  itOnOneServer(
    'takes the same statements for one account as for many, of several zones',
    async () => {
      const counted = async (zones: readonly string[]): Promise<number> => {
        for (const zone of zones) await record((await anAccount(zone)).id);
        let statements = 0;
        const stop = gateway.database.onStatement(() => (statements += 1));
        await gateway.fold();
        stop();
        return statements;
      };
      await gateway.fold();
      const one = await counted(['Asia/Kolkata']);
      const zones = ['Asia/Kathmandu', 'America/New_York', 'Australia/Lord_Howe', 'UTC'];
      expect(await counted([...zones, ...zones, ...zones])).toBe(one);
    },
  );

  it('waits until an account has a thousand events, or its oldest is a minute old', async () => {
    const { loop, pass } = await aLoop();
    const account = await anAccount();
    await record(account.id);
    loop.nudge(account.number, 1);
    await pass(MINUTE_MS - 1);
    expect(await tails(account.number)).toEqual([1]);
    await pass(1);
    expect(await tails(account.number)).toEqual([0]);

    await record(account.id);
    loop.nudge(account.number, 999);
    await pass(0);
    expect(await tails(account.number)).toEqual([1]);
    loop.nudge(account.number, 1);
    await pass(0);
    expect(await tails(account.number)).toEqual([0]);
  });

  it('finds what another gateway recorded and left, once it has waited', async () => {
    const { pass } = await aLoop();
    const account = await anAccount();
    const due = async (): Promise<unknown> => {
      const [row] = await asOwner(
        gateway.databaseUrl,
        sql`select fold_at > now() + interval '1 minute' as is_later from rollup_state where account_id = ${account.number}`,
      );
      return row?.['is_later'];
    };
    const comeDue = (): Promise<unknown> =>
      asOwner(
        gateway.databaseUrl,
        sql`update rollup_state set fold_at = now() where account_id = ${account.number}`,
      );
    for (const recorded of ['first', 'another']) {
      await record(account.id);
      expect([recorded, await due()]).toEqual([recorded, true]);
      await pass(MINUTE_MS);
      expect(await tails(account.number)).toEqual([1]);
      await comeDue();
      await pass(0);
      expect(await tails(account.number)).toEqual([0]);
      expect(await due()).toBeNull();
    }
  });

  it('keeps nobody from recording', async () => {
    const account = await anAccount();
    await record(account.id);
    await gateway.fold();
    await gateway.database.inTransaction('system', async (tx) => {
      await tx.query(sql`select from rollup_state where account_id = ${account.number} for update`);
      await record(account.id);
    });
    expect(await tails(account.number)).toEqual([1]);
  });

  it('leaves an account alone that cannot be folded, for longer each time, and folds all others', async () => {
    const { loop, faults, pass } = await aLoop();
    const accounts: Awaited<ReturnType<typeof anAccount>>[] = [];
    for (let index = 0; index < 5; index += 1) accounts.push(await anAccount());
    const numbers = accounts.map(({ number }) => number);
    for (const { id } of accounts) await record(id);
    await gateway.fold();
    const broken = numbers[2] ?? 0;
    await asOwner(
      gateway.databaseUrl,
      sql`update usage_by_account set credits_micro = 9223372036854775807 where account_id = ${broken}`,
    );
    const fault = expect.objectContaining({ message: `Account ${broken} cannot be folded.` });
    const recordAll = async (): Promise<void> => {
      for (const { id, number } of accounts) {
        await record(id);
        loop.nudge(number, 1_000);
      }
    };

    await recordAll();
    await pass(0);
    expect(await tails(...numbers)).toEqual([0, 0, 1, 0, 0]);
    expect(faults.splice(0)).toEqual([fault]);
    await recordAll();
    await pass(MINUTE_MS - 1);
    expect(await tails(...numbers)).toEqual([0, 0, 2, 0, 0]);
    expect(faults.splice(0)).toEqual([]);
    // A minute after the first failure, then two minutes after the second.
    loop.nudge(broken, 1_000);
    await pass(1);
    expect(faults.splice(0)).toEqual([fault]);
    loop.nudge(broken, 1_000);
    await pass(2 * MINUTE_MS - 1);
    expect(faults).toEqual([]);

    await asOwner(
      gateway.databaseUrl,
      sql`update usage_by_account set credits_micro = 1500000 where account_id = ${broken}`,
    );
    loop.nudge(broken, 1_000);
    await pass(1);
    expect([faults, await tails(broken)]).toEqual([[], [0]]);
    expect(await differences(broken)).toEqual([]);
  });
});

describe('the epoch of an account', () => {
  it('rises with what changes its sums while the watermark stands, and with nothing else', async () => {
    await createHardware(gateway, 'gpu', '1');
    const account = await anAccount();
    await fund(gateway, account.id);
    const epoch = async (): Promise<number> => {
      const [row] = await gateway.database.inSnapshot({ accountId: account.number }, (tx) =>
        loadFoldedUpTo(tx, [account.number]),
      );
      return row?.epoch ?? Number.NaN;
    };
    await record(account.id, HOUR_MS, 'to be voided');
    await gateway.fold();
    await record(account.id);
    await gateway.fold();
    expect(await epoch()).toBe(0);

    const voided = { accountId: account.id, source: 's', eventId: 'to be voided' };
    await ask(gateway, VoidUsageDocument, { ...voided, reason: 'mistake' });
    expect(await epoch()).toBe(1);

    const deployed = await registerGuardrail(gateway, account.id, 'deployed');
    await deploy(gateway, deployed, 'gpu');
    gateway.clock.moveBy(HOUR_MS);
    await undeploy(gateway, deployed);
    expect(await epoch()).toBe(1);
    await gateway.fold();
    expect(await epoch()).toBe(2);

    // Its segments are folded again too.
    const input = { accountId: account.id, timeZone: 'Asia/Kolkata' };
    await ask(gateway, UpdateAccountDocument, { input });
    await gateway.fold();
    expect(await epoch()).toBe(4);
  });
});

describe('the rollups of an account that moves', () => {
  it('are right in each zone, whatever its hours begin with, with what was voided and came late', async () => {
    const account = await anAccount('Asia/Kolkata');
    const hours = [1, 5, 30.3, 77.7, 300.1, 1_500.9];
    for (const [index, ago] of hours.entries()) {
      await record(account.id, ago * HOUR_MS + 7, `moved ${index}`);
    }
    await gateway.fold();
    const zones = ['Asia/Kathmandu', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
    for (const [index, timeZone] of zones.entries()) {
      await ask(gateway, UpdateAccountDocument, { input: { accountId: account.id, timeZone } });
      await record(account.id, 2_000 * HOUR_MS + index);
      const eventId = `moved ${index}`;
      const voided = { accountId: account.id, source: 's', eventId, reason: 'mistake' };
      await ask(gateway, VoidUsageDocument, voided);
      await gateway.fold();
      expect([timeZone, await differences(account.number)]).toEqual([timeZone, []]);
    }
  });
});

describe('an account that an earlier release folded', () => {
  it('answers the same before, while and after its quarter hours become hours', async () => {
    const account = await anAccount('Asia/Kathmandu');
    await register(gateway, account.id, { kind: 'GUARDRAIL', externalId: 'other', name: 'other' });
    for (let index = 0; index < 40; index += 1) {
      await record(account.id, (1 + index * 7.3) * HOUR_MS + index, `old ${index}`);
    }
    await gateway.fold();
    // As the earlier release left it: quarter hours and two hours, and no hours.
    await asOwner(
      gateway.databaseUrl,
      `insert into usage_by_resource (account_id, tier, bucket, subject_id, type, hardware_id, events, quantity, credits_micro, hosting_ms, replica_ms)
       select account_id, tier, bucket, subject_id, type, 0, count(*), sum(quantity), sum(credits_micro), 0, 0
       from (select *, floor(extract(epoch from occurred_at) / 900)::int as quarter from usage_event where account_id = ${account.number}) e
         cross join lateral (values (0, quarter), (1, quarter >> 3)) t(tier, bucket)
       group by 1, 2, 3, 4, 5;
       delete from usage_by_resource_hour where account_id = ${account.number};
       update rollup_state set quarters_from = -2147483648 where account_id = ${account.number}`,
    );
    const nowMs = gateway.clock.nowMs();
    const asked = (agoHours: number): Promise<unknown> =>
      ask(gateway, ReportDocument, {
        accountId: account.id,
        range: {
          from: new Date(nowMs - agoHours * HOUR_MS + 3).toISOString(),
          to: new Date(nowMs - 1.4 * HOUR_MS).toISOString(),
          timeZone: 'America/New_York',
        },
        groupBy: ['RESOURCE'],
        granularity: 'DAY',
        first: 100,
      });
    const answers = async (): Promise<unknown> => [await asked(20.2), await asked(250.6)];
    const before = await answers();

    const states: (number | null)[] = [];
    for (let step = 0; step < 40 && states.at(-1) !== null; step += 1) {
      // On both sides of what is converted.
      if (step === 2) {
        for (const eventId of ['old 1', 'old 38']) {
          const voided = { accountId: account.id, source: 's', eventId, reason: 'mistake' };
          await ask(gateway, VoidUsageDocument, voided);
        }
      }
      states.push(await nextStep(account.number, 7));
      const expected = step < 2 ? before : await fromTheTail(account.number, answers);
      expect(await answers()).toEqual(expected);
    }
    expect(states.at(-1)).toBeNull();
    expect(await differences(account.number)).toEqual([]);
    await record(account.id, 3 * HOUR_MS);
    await gateway.fold();
    expect(await differences(account.number)).toEqual([]);
  });

  it('is converted by folding, and its quarter hours are deleted', async () => {
    const account = await anAccount();
    await record(account.id);
    await gateway.fold();
    await asOwner(
      gateway.databaseUrl,
      `insert into usage_by_resource select account_id, tier, hour * 4 / case tier when 0 then 1 else 8 end, subject_id, type, 0, events, quantity, credits_micro, 0, 0
       from usage_by_resource_hour cross join (values (0), (1)) t(tier) where account_id = ${account.number};
       delete from usage_by_resource_hour where account_id = ${account.number};
       update rollup_state set quarters_from = -2147483648 where account_id = ${account.number}`,
    );
    await record(account.id);
    await gateway.fold();
    const rows = await asOwner(
      gateway.databaseUrl,
      `select (select count(*)::int from usage_by_resource where account_id = s.account_id and tier < 2) as quarters,
         quarters_from, (select count(*)::int from usage_by_resource_hour where account_id = s.account_id) as hours
       from rollup_state s where account_id = ${account.number}`,
    );
    expect(rows).toEqual([{ quarters: 0, quarters_from: null, hours: 1 }]);
    expect([await tails(account.number), await differences(account.number)]).toEqual([[0], []]);
  });
});

/** Takes one step of the conversion. @returns where it stands then */
async function nextStep(accountId: number, rowsMax: number): Promise<number | null> {
  const state = async (): Promise<{ quartersFrom: number | null; timeZone: string }> => {
    const [row = {}] = await asOwner(
      gateway.databaseUrl,
      sql`select quarters_from, time_zone from rollup_state where account_id = ${accountId}`,
    );
    const from = row['quarters_from'];
    return {
      quartersFrom: typeof from === 'number' ? from : null,
      timeZone: String(row['time_zone']),
    };
  };
  const { quartersFrom, timeZone } = await state();
  if (quartersFrom === null) return null;
  await gateway.database.inTransaction({ accountId }, (tx) =>
    convertNext(tx, { accountId, timeZone, quartersFrom }, rowsMax),
  );
  return (await state()).quartersFrom;
}

/** What is answered when the account has no rollups at all: all its events are its tail. */
async function fromTheTail(accountId: number, answers: () => Promise<unknown>): Promise<unknown> {
  const { databaseUrl } = gateway;
  const [row = {}] = await asOwner(
    databaseUrl,
    sql`with old as (select watermark from rollup_state where account_id = ${accountId})
     update rollup_state set watermark = 0 from old where account_id = ${accountId} returning old.watermark`,
  );
  const tables = ['usage_by_account', 'usage_by_resource', 'usage_by_resource_hour'];
  for (const table of tables) {
    await asOwner(
      databaseUrl,
      `create table kept_${table} as select * from ${table} where account_id = ${accountId};
       delete from ${table} where account_id = ${accountId}`,
    );
  }
  const answer = await answers();
  for (const table of tables) {
    await asOwner(
      databaseUrl,
      `insert into ${table} select * from kept_${table}; drop table kept_${table}`,
    );
  }
  await asOwner(
    databaseUrl,
    sql`update rollup_state set watermark = ${row['watermark']} where account_id = ${accountId}`,
  );
  return answer;
}
