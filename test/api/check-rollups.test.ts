import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findRecorded, markVoided } from '../../src/recording/events.store.ts';
import { foldTogether } from '../../src/rollups/fold.store.ts';
import { removeFromRollups } from '../../src/rollups/rollups.store.ts';
import { RollupCheckService, type RollupDifference } from '../../src/rollups/check.service.ts';
import { createAccount, numberOf, recordUsage, registerGuardrail } from '../support/account.ts';
import { runCommand } from '../support/command.ts';
import { countLockWaits } from '../support/databases.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { OverviewDocument } from '@billing-gateway/client/operations';
import { sql } from '../../src/db/sql.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

/** An account with a guardrail and two events of 1.5 credits, an hour and ten days old. */
async function anAccount(externalId: string): Promise<{ id: string; number: number }> {
  const id = await createAccount(gateway, { name: externalId, externalId });
  const resourceId = await registerGuardrail(gateway, id);
  for (const hours of [1, 240]) {
    await recordUsage(gateway, id, {
      eventId: `${hours}`,
      credits: '1.5',
      occurredAt: new Date(gateway.clock.nowMs() - hours * 3_600_000).toISOString(),
      resourceId,
    });
  }
  return { id, number: numberOf(id) };
}

async function differencesOf(account: number): Promise<readonly RollupDifference[]> {
  const found: RollupDifference[] = [];
  for await (const { differences } of new RollupCheckService(gateway.database).check([account])) {
    found.push(...differences);
  }
  return found;
}

/** Runs the command as a user would. */
function command(...names: string[]): ReturnType<typeof runCommand> {
  return runCommand('check-rollups', names, { env: { DATABASE_URL: gateway.databaseUrl } });
}

describe('checking the rollups', () => {
  it('finds nothing where they are what was recorded, folded in part or in whole', async () => {
    const account = await anAccount('right');
    expect(await differencesOf(account.number)).toEqual([]);
    await gateway.fold();
    expect(await differencesOf(account.number)).toEqual([]);
  });

  it('names the bucket that was tampered with, what it holds and what was recorded', async () => {
    const account = await anAccount('tampered');
    await gateway.fold();
    await asOwner(
      gateway.databaseUrl,
      sql`update usage_by_resource set credits_micro = credits_micro + 7
       where account_id = ${account.number} and tier = 4`,
    );
    const [difference, ...others] = await differencesOf(account.number);
    expect(others).toEqual([]);
    expect(difference).toMatchObject({ table: 'usage_by_resource', tier: 4, type: 'PROCESSING' });
    expect([difference?.stored.creditsMicro, difference?.raw.creditsMicro]).toEqual([
      3_000_007n,
      3_000_000n,
    ]);
  });

  it('finds a bucket that is missing, and one that nothing was recorded for', async () => {
    const account = await anAccount('missing');
    await gateway.fold();
    await asOwner(
      gateway.databaseUrl,
      sql`update usage_by_account set bucket = bucket + 9 where account_id = ${account.number} and tier = 3`,
    );
    const differences = await differencesOf(account.number);
    expect(differences.map(({ stored, raw }) => [stored.events, raw.events])).toEqual(
      expect.arrayContaining([
        [0n, 1n],
        [1n, 0n],
      ]),
    );
  });

  it('ends with status 0 or 1 as a command, for all accounts or those that are named', async () => {
    const right = await anAccount('command-right');
    const wrong = await anAccount('command-wrong');
    await gateway.fold();
    await asOwner(
      gateway.databaseUrl,
      sql`update usage_by_account set quantity = quantity + 1 where account_id = ${wrong.number} and tier = 0`,
    );
    const named = await command(right.id, 'command-right');
    expect([named.status, named.output]).toEqual([0, expect.stringContaining('1 accounts')]);
    const all = await command();
    expect([all.status, all.output]).toEqual([
      1,
      expect.stringContaining(`Account ${wrong.number}:`),
    ]);
    const unknown = await command('nobody');
    expect([unknown.status, unknown.output]).toEqual([1, expect.stringContaining('"nobody"')]);
  });
});

describe('an event that is voided while its account is folded for the first time', () => {
  it('is taken out of the rollups', async () => {
    const account = await anAccount('race');
    let folding: Promise<unknown> = Promise.resolve();
    const whose = { accountId: account.number };
    await gateway.database.inTransaction(whose, async (tx) => {
      const event = await findRecorded(tx, account.number, { source: 's', eventId: '1' });
      if (event === null) throw new Error('the event was recorded');
      await markVoided(tx, event, { atMs: gateway.clock.nowMs(), reason: 'mistake' });
      await removeFromRollups(tx, event);
      // Folding either ends meanwhile or waits for the void.
      const ended = { is: false };
      folding = gateway.database
        .inTransaction('system', (other) => foldTogether(other, [account.number]))
        .finally(() => {
          ended.is = true;
        });
      while (!ended.is && !(await doesSomeoneWait()));
    });
    await folding;
    await gateway.fold();
    expect(await differencesOf(account.number)).toEqual([]);
    const answer = await gateway.query(OverviewDocument, {
      accountId: account.id,
      range: { preset: 'LAST_30_DAYS' },
    });
    expect(answer.data.account?.usage.credits.used).toBe('1.5');
  });
});

/** Whether a transaction of the gateway's database waits for another's lock. */
async function doesSomeoneWait(): Promise<boolean> {
  return (await countLockWaits(gateway.databaseUrl)) > 0;
}
