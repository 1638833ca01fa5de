// Whether the rig of faults sees what it is there for: after a round without faults all is well, and each thing that somebody
// spoils then is found, by the name of the promise that it breaks.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RecordUsageDocument } from '@billing-gateway/client/operations';
import { clock } from '../faults/caller.ts';
import { Chance } from '../faults/chance.ts';
import { SmallDisk } from '../faults/disk.ts';
import { iso, METERED } from '../faults/driver.ts';
import { FAULTS, FULL_DISK } from '../faults/faults.ts';
import { History } from '../faults/history.ts';
import { Rig } from '../faults/rig.ts';
import { Violations } from '../faults/violations.ts';
import { ask } from '../support/account.ts';
import { asOwner } from '../support/databases.ts';
import { until } from '../support/eventually.ts';

const run = promisify(execFile);
const ROUND_MS = 3_000;

let folder: string;
let rig: Rig;
let history: History;
const violations = new Violations();

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-faults-'));
  await fs.chmod(folder, 0o755);
  history = await History.open(path.join(folder, 'history.jsonl'));
  rig = await Rig.open({
    ...{ folder, history, violations, chance: new Chance('planted'), faults: [], env: {} },
    roundMs: ROUND_MS,
    say: () => undefined,
  });
  await rig.round();
});

afterAll(async () => {
  await rig.close();
  await history.close();
  await fs.rm(folder, { recursive: true });
});

/** Has the rig check, and forgets what it found. @returns the promises that were broken */
async function broken(): Promise<readonly string[]> {
  await rig.check(0);
  const found = violations.found.splice(0);
  return [...new Set(found.map(({ promise }) => promise))].sort();
}

/** Gateways forget what they remember of events and sums that somebody changed behind their backs. */
async function forget(): Promise<void> {
  for (const place of rig.world.places) await place.kill();
  await rig.world.mend();
}

/** As many events of the account «second» as make it due for folding at once. */
async function recordThousand(): Promise<void> {
  const second = rig.subjects.find(({ books }) => books.name === 'second')?.books;
  const gateway = rig.world.places[0]?.gateway;
  if (second === undefined || gateway == null) throw new Error('nothing to record with');
  const events = Array.from({ length: 1_000 }, (_, index) => ({
    ...{
      source: 'test',
      eventId: `folded-${index}`,
      type: 'PROCESSING' as const,
      credits: '0.000001',
    },
    ...{ resourceKind: 'GUARDRAIL' as const, resourceExternalId: METERED },
    occurredAt: iso(clock.nowMs() - 86_400_000),
  }));
  await ask(gateway, RecordUsageDocument, { accountId: second.accountId, events });
  for (const { eventId } of events) {
    second.events.set(eventId, { creditsMicro: 1n, recorded: 'YES', voided: 'NO' });
  }
}

/** An event of the account «busy» that was recorded and not voided. */
const ONE_EVENT = `(select min(seq) from usage_event where account_id = 1 and voided_at is null)`;

/** What is spoilt, how it is undone, and what has to be found at least. */
const SPOILT: Readonly<Record<string, readonly [spoil: string, undo: string, found: string]>> = {
  'an event is lost': [
    `create table spoilt as select * from usage_event where account_id = 1 and seq = ${ONE_EVENT};
     delete from usage_event where account_id = 1 and seq = (select seq from spoilt)`,
    `insert into usage_event select * from spoilt; drop table spoilt`,
    'what was acknowledged is there',
  ],
  'an event is there twice': [
    `create table spoilt as select * from usage_event where account_id = 1 and seq = ${ONE_EVENT};
     insert into usage_event select (jsonb_populate_record(null::usage_event, to_jsonb(s) || '{"seq": 999999999}')).* from spoilt s`,
    `delete from usage_event where account_id = 1 and seq = 999999999; drop table spoilt`,
    'an event is recorded once',
  ],
  'an event costs a micro-credit more': [
    `update usage_event set credits_micro = credits_micro + 1 where account_id = 1 and seq = ${ONE_EVENT}`,
    `update usage_event set credits_micro = credits_micro - 1 where account_id = 1 and seq = ${ONE_EVENT}`,
    'an event is as it was sent',
  ],
  'an entry of the ledger is altered': [
    `update ledger_entry set amount_micro = amount_micro + 1 where account_id = 1 and sequence = 5`,
    `update ledger_entry set amount_micro = amount_micro - 1 where account_id = 1 and sequence = 5`,
    'balance = sum of the ledger',
  ],
  'a charge is booked twice': [
    `update credit_state set balance_micro = balance_micro - 7 where account_id = 1;
     update ledger_entry set amount_micro = amount_micro - 7, balance_micro = balance_micro - 7
       where account_id = 1 and sequence = (select max(sequence) from ledger_entry where account_id = 1)`,
    `update credit_state set balance_micro = balance_micro + 7 where account_id = 1;
     update ledger_entry set amount_micro = amount_micro + 7, balance_micro = balance_micro + 7
       where account_id = 1 and sequence = (select max(sequence) from ledger_entry where account_id = 1)`,
    "the client's books = balance",
  ],
  'a lot has more left than it should': [
    `update credit_allocation set spent_micro = spent_micro - 1 where account_id = 1 and allocation_id = (
       select min(allocation_id) from credit_allocation where account_id = 1 and state = 'SPENDABLE')`,
    `update credit_allocation set spent_micro = spent_micro + 1 where account_id = 1 and allocation_id = (
       select min(allocation_id) from credit_allocation where account_id = 1 and state = 'SPENDABLE')`,
    'balance = what is left in lots',
  ],
  'an alert is lost': [
    `create table spoilt as select * from alert where account_id = 3 and sequence = 1;
     delete from alert where account_id = 3 and sequence = 1`,
    `insert into alert select * from spoilt; drop table spoilt`,
    'alerts are gapless',
  ],
  'an alert is a millisecond late': [
    `update alert set crossed_at = crossed_at + interval '1 ms' where account_id > 4 and sequence = 1`,
    `update alert set crossed_at = crossed_at - interval '1 ms' where account_id > 4 and sequence = 1`,
    'each crossing is told once, at its exact instant',
  ],
  'a stop is a millisecond late': [
    `update hosting_segment set to_at = to_at + interval '1 ms' where account_id > 4`,
    `update hosting_segment set to_at = to_at - interval '1 ms' where account_id > 4`,
    'what runs is stopped at the exact instant',
  ],
  'a message says something else': [
    `update webhook_delivery set payload = payload || ' ' where account_id = 3`,
    `update webhook_delivery set payload = rtrim(payload) where account_id = 3`,
    'a message has one id and one body',
  ],
  'a message was never made': [
    `create table spoilt as select * from webhook_delivery where account_id = 3 and event = 'ALERT_RAISED';
     delete from webhook_delivery where account_id = 3 and event = 'ALERT_RAISED'`,
    `insert into webhook_delivery overriding system value select * from spoilt; drop table spoilt`,
    'each alert is a webhook',
  ],
  'an email never comes': [
    `update email set message_id = message_id || '?' where account_id = 3`,
    `update email set message_id = rtrim(message_id, '?') where account_id = 3`,
    'each email comes',
  ],
  'an email is given up before the limit of a day is reached': [
    `update email set message_id = message_id || '?', status = 'FAILED', attempts = 0, delivered_at = null where account_id = 3`,
    `update email set message_id = rtrim(message_id, '?'), status = 'DELIVERED', attempts = 1, delivered_at = created_at where account_id = 3`,
    'each email comes',
  ],
};

describe('the rig', () => {
  it('leaves nothing running or mounted when it cannot open', async () => {
    const unopened = path.join(folder, 'unopened');
    await fs.mkdir(unopened);
    const hasOwnDisk = await SmallDisk.isPossible();
    const opening = Rig.open({
      ...{ folder: unopened, history, violations, chance: new Chance('unopened'), env: {} },
      faults: FAULTS.filter(({ name }) => hasOwnDisk && name === FULL_DISK),
      roundMs: ROUND_MS,
      // The disk and the server are there by then.
      runs: [{ script: 'no-such-gateway.mjs' }],
      say: () => undefined,
    });

    await expect(opening).rejects.toThrow('no-such-gateway.mjs');

    const left = await Promise.all([run('ps', ['-eww', '-o', 'args']), run('mount')]);
    const lines = left.flatMap(({ stdout }) => stdout.split('\n'));
    expect(lines.filter((line) => line.includes(unopened))).toEqual([]);
    // The other one's server is seen.
    expect(lines.some((line) => line.includes(folder))).toBe(true);
  });

  it('finds nothing where nothing is wrong', async () => {
    expect(violations.found).toEqual([]);
    expect(await broken()).toEqual([]);
    const [busy] = rig.subjects;
    expect(busy?.books.eventIds('YES').length).toBeGreaterThan(20);
    expect(rig.crossings).toHaveLength(2);
  });

  it.each(Object.entries(SPOILT))('finds that %s', async (_what, [spoil, undo, found]) => {
    await asOwner(rig.world.databaseUrl, spoil);

    expect(await broken()).toContain(found);

    await asOwner(rig.world.databaseUrl, undo);
    if (undo.includes('usage_event')) await forget();
    expect(await broken()).toEqual([]);
  });

  it('finds that a sum of the views is off by one', async () => {
    await recordThousand();
    const change = `update usage_by_account set credits_micro = credits_micro + 1
      where account_id = 2 and type = 'PROCESSING' returning 1`;
    await until(
      async () => (await asOwner(rig.world.databaseUrl, change)).length > 0,
      'events are folded',
    );
    await forget();

    expect(await broken()).toContain('views = events');
  });

  it('finds that a subscriber is told twice, and one that is told in another order', async () => {
    const [first, second] = rig.subscribers.filter(({ by }) => by.told.length >= 2);
    const told = first?.by.told.at(-1);
    if (told !== undefined) first?.by.told.push(told);
    second?.by.told.reverse();

    expect(await broken()).toContain('each subscriber is told everything once and in order');
  });
});
