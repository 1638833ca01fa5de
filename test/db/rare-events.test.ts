// An account with many events, in which a resource and a source are rare: their events are found by an index, however the many lie.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tx } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import type { EventFilter } from '../../src/recording/event.ts';
import { countEvents, listEvents } from '../../src/recording/events.store.ts';
import { createAccount, NO_THRESHOLDS, numberOf } from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';

const EVENTS = 60_000;
const NO_FILTER: EventFilter = {
  ...{ range: null, resourceId: null, modelId: null, source: null, eventId: null },
};

let gateway: TestGateway;
let accountId = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = numberOf(await createAccount(gateway, NO_THRESHOLDS));
  // Resources 1 to 500 of two sources; 501 has three events, of both, and source "rare" has two, of 1 and 2.
  await asOwner(
    gateway.databaseUrl,
    `insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
     select ${accountId}, n, case when n in (11, 12) then 'rare' when n % 3 = 0 then 'other' else 's' end, n::text,
       'PROCESSING', 'GUARDRAIL', case when n in (3, 30000, 59999) then 501 else 1 + n % 500 end, 1, 1,
       timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + n * interval '1 minute'
     from generate_series(1, ${EVENTS}) n;
     analyze usage_event`,
  );
});

afterAll(async () => {
  await gateway.close();
});

async function list(filter: Partial<EventFilter>): Promise<readonly number[]> {
  const page = { after: null, limit: 51 };
  const events = await gateway.database.inSnapshot({ accountId }, (tx) =>
    listEvents(tx, accountId, { ...NO_FILTER, ...filter }, page),
  );
  return events.map(({ seq }) => seq);
}

/** How many rows of events are read for a filter, in all nodes of the plans. */
async function rowsRead(read: (tx: Tx) => Promise<unknown>): Promise<number> {
  let sum = 0;
  const counting = (tx: Tx): Tx => ({
    ...tx,
    later: (statement) => {
      tx.later(statement);
    },
    query: async (statement) => {
      const [plan] = await tx.query(sql`explain (analyze, format json) ${statement}`);
      sum += readIn(plan?.['QUERY PLAN']);
      return tx.query(statement);
    },
  });
  await gateway.database.inSnapshot({ accountId }, (tx) => read(counting(tx)));
  return sum;
}

function readIn(node: unknown): number {
  if (Array.isArray(node)) return node.reduce<number>((sum, one) => sum + readIn(one), 0);
  if (typeof node !== 'object' || node === null) return 0;
  const of = node as Readonly<Record<string, unknown>>;
  const count = (name: string): number => Number(of[name] ?? 0) * Number(of['Actual Loops'] ?? 1);
  const isScan = of['Relation Name'] !== undefined;
  const own = isScan ? count('Actual Rows') + count('Rows Removed by Filter') : 0;
  return own + readIn(of['Plans']) + readIn(of['Plan']);
}

const rare: readonly (readonly [string, Partial<EventFilter>, readonly number[]])[] = [
  ['of a resource', { resourceId: 501 }, [59_999, 30_000, 3]],
  ['of a source', { source: 'rare' }, [12, 11]],
  ['of a resource and a source', { resourceId: 501, source: 'other' }, [30_000, 3]],
];

describe('rare events in a large account', () => {
  it.each(rare)('%s are found without reading the others', async (_, filter, seqs) => {
    const whole = { ...NO_FILTER, ...filter };

    expect(await list(filter)).toEqual(seqs);
    const listed = (tx: Tx) => listEvents(tx, accountId, whole, { after: null, limit: 51 });
    expect(await rowsRead(listed)).toBeLessThan(50);
    expect(await rowsRead((tx) => countEvents(tx, accountId, whole))).toBeLessThan(50);
  });

  it('are listed in their order where they are many', async () => {
    const ofSource = Array.from({ length: EVENTS }, (_, index) => EVENTS - index).filter(
      (seq) => seq % 3 !== 0 && seq !== 11,
    );

    expect(await list({ source: 's' })).toEqual(ofSource.slice(0, 51));
  });
});
