// Crossings that time alone causes, where somebody else holds an account: nobody's wait for it.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  alertsOf,
  allocate,
  createAccount,
  createHardware,
  deployGuardrail,
  NO_THRESHOLDS,
  numberOf,
} from '../support/account.ts';
import { countLockWaits } from '../support/databases.ts';
import { until } from '../support/eventually.ts';
import { asOwner, startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { sql } from '../../src/db/sql.ts';

let gateway: TestGateway;
let other: TestGateway;
let holder: pg.Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  other = await startTestGateway({ beside: gateway });
  holder = new pg.Client({ connectionString: gateway.databaseUrl });
  await holder.connect();
  await createHardware(gateway, 'h', '36');
});

afterAll(async () => {
  await holder.end();
  await other.close();
  await gateway.close();
});

/** An account with 36 credits and a deployment that uses them up within an hour. */
async function burning(name: string): Promise<string> {
  gateway.clock.moveTo(Date.parse(TEST_NOW));
  const id = await createAccount(gateway, { name, ...NO_THRESHOLDS });
  await allocate(gateway, id, '36');
  await deployGuardrail(gateway, id, 'h');
  return id;
}

async function toldOf(id: string): Promise<readonly string[]> {
  return (await alertsOf(gateway, id)).map(({ kind, crossedAt }) => `${kind} ${crossedAt}`);
}

/** How often somebody was seen waiting for a lock while `work` was under way. */
async function waitsDuring(work: Promise<unknown>): Promise<number> {
  let isOver = false;
  let waits = 0;
  const look = async (): Promise<boolean> => {
    // Other tests have databases of their own on the same server.
    waits += await countLockWaits(gateway.databaseUrl);
    return isOver;
  };
  const over = work.finally(() => {
    isOver = true;
  });
  await until(look, 'it is over');
  await over;
  return waits;
}

// With no room below zero, all three limits are at 0 and are reached after one hour.
const ALL_THREE = ['LOW_CREDITS', 'CREDITS_EXHAUSTED', 'NEGATIVE_LIMIT_REACHED'].map(
  (kind) => `${kind} 2026-03-10T13:00:00.000Z`,
);

describe('what is due', () => {
  it('is told at once for all accounts but one that a write holds, and for that one when it is free', async () => {
    const held = await burning('held');
    const free = await burning('free');
    gateway.clock.moveTo(Date.parse('2026-03-10T14:00:00Z'));
    await holder.query('begin');
    await holder.query(
      `select from account where account_id = ${numberOf(held)} for no key update`,
    );

    const waits = await waitsDuring(gateway.app.due.settleDue());
    const whileHeld = [await toldOf(held), await toldOf(free)];
    await holder.query('commit');
    await gateway.app.due.settleDue();

    expect(whileHeld).toEqual([[], ALL_THREE]);
    expect(waits).toBe(0);
    expect(await toldOf(held)).toEqual(ALL_THREE);
    expect(gateway.takeFaults()).toEqual([]);
  });

  it('is shared by gateways: each account is settled by one of them', async () => {
    const accounts: string[] = [];
    for (let index = 0; index < 20; index += 1) accounts.push(await burning(`shared ${index}`));
    gateway.clock.moveTo(Date.parse('2026-03-10T14:00:00Z'));
    let settled = 0;
    const count = (sql: string): void => {
      if (sql.startsWith('/* credits.loadStates */')) settled += 1;
    };
    const stops = [gateway.database.onStatement(count), other.database.onStatement(count)];

    await Promise.all([gateway.app.due.settleDue(), other.app.due.settleDue()]);
    for (const stop of stops) stop();

    expect(settled).toBe(20);
    for (const id of accounts) expect(await toldOf(id)).toEqual(ALL_THREE);
  });

  it('is told for all others where one account cannot be settled, which is tried again after 30 seconds', async () => {
    const broken = await burning('broken');
    const sound = await burning('sound');
    const shiftCycle = (micro: number): Promise<unknown> =>
      asOwner(
        gateway.databaseUrl,
        sql`update billing_cycle set allocated_micro = allocated_micro + ${micro}
         where account_id = (select account_id from account where name = 'broken')`,
      );
    const tryAt = async (instant: string): Promise<number> => {
      gateway.clock.moveTo(Date.parse(instant));
      await gateway.app.due.settleDue();
      return gateway.takeFaults().length;
    };
    // Its cycle contradicts its lots.
    await shiftCycle(1);

    const faults = [await tryAt('2026-03-10T14:00:00Z'), await tryAt('2026-03-10T14:00:29Z')];
    const whileBroken = [await toldOf(broken), await toldOf(sound)];
    faults.push(await tryAt('2026-03-10T14:00:30Z'));
    await shiftCycle(-1);
    faults.push(await tryAt('2026-03-10T14:01:00Z'));

    expect(whileBroken).toEqual([[], ALL_THREE]);
    expect(faults).toEqual([1, 0, 1, 0]);
    expect(await toldOf(broken)).toEqual(ALL_THREE);
  });

  it('is told by itself while a gateway runs', async () => {
    const id = await burning('left alone');
    gateway.app.due.start();
    gateway.clock.moveTo(Date.parse('2026-03-10T14:00:00Z'));

    await until(async () => (await toldOf(id)).length > 0, 'the crossing is told');
    await gateway.app.due.stop();

    expect(await toldOf(id)).toEqual(ALL_THREE);
  });
});
