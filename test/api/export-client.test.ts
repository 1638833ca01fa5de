// Exports by the client: typed rows that go on after any loss, and files.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createGateway, type Gateway, type GatewayError } from '@billing-gateway/client';
import {
  type ExportedAlert,
  type ExportedAllocation,
  type ExportedEntry,
  type ExportedEvent,
  type ExportedRow,
  type ExportedSegment,
  type ExportedSubject,
  type ExportedUsage,
  type ExportEnd,
  exportFile,
  exportLines,
  type ExportName,
  exportRows,
  exportRun,
  type ExportStart,
} from '@billing-gateway/client/exports';
import { createAccount, createKey } from '../support/account.ts';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { originOf } from '../support/live.ts';
import { putManyEvents } from '../support/many-events.ts';
import { openUsageAccount } from '../support/usage-account.ts';
import { openWay, type Way } from '../support/way.ts';

const EVENTS = 40_000;
const TEN_DAYS = { from: '2026-03-01T00:00:00Z', to: '2026-03-11T00:00:00Z' } as const;
const MANY_EVENTS = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' } as const;

let gateway: TestGateway;
let way: Way;
let client: Gateway;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  const id = await createAccount(gateway, {
    createdAt: '2026-01-01T00:00:00Z',
    externalId: 'many',
  });
  await putManyEvents(gateway, id, { count: EVENTS, from: '2026-01-02T00:00:00Z' });
  const { secret } = await createKey(gateway, id, ['READ_USAGE']);
  way = await openWay(originOf(gateway));
  client = createGateway({ url: way.origin, key: secret });
});

afterEach(async () => {
  way.cutAfter();
  way.lead(originOf(gateway));
  for (const stop of stops.splice(0).reverse()) await stop();
});

afterAll(async () => {
  await client.close();
  await way.close();
  await gateway.close();
});

/** All rows of an export, and what it says that they come to. */
async function all<TName extends ExportName>(
  of: Gateway,
  name: TName,
  range: Parameters<typeof exportRows>[2] = MANY_EVENTS,
  options: Parameters<typeof exportRows>[3] = {},
): Promise<{ readonly rows: readonly ExportedRow<TName>[]; readonly end: ExportEnd }> {
  const reading = exportRows(of, name, range, options);
  const rows: ExportedRow<TName>[] = [];
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { rows, end: next.value };
    rows.push(next.value);
  }
}

/** That each event came once and in order, and their exact sum. */
function expectAll({ rows, end }: Awaited<ReturnType<typeof all<'events'>>>): void {
  expect(rows.map(({ quantity, credits }) => [quantity, credits]).slice(0, 2)).toEqual([
    [1, '0.000001'],
    [1, '0.000002'],
  ]);
  expect(rows.slice(1).map(({ eventId }) => Number(eventId))).toEqual(
    Array.from({ length: EVENTS - 1 }, (_, index) => index + 2),
  );
  // 1 + 2 + … + 40,000 = 40,000 x 40,001 / 2.
  expect(end).toMatchObject({ rows: EVENTS, creditsMicro: '800020000', credits: '800.02' });
}

describe('rows of an export', () => {
  it('come once and in order although the link is cut again and again', async () => {
    const losses: GatewayError[] = [];
    const starts: ExportStart[] = [];
    // In the head, before the first row, and in the middle of rows.
    way.cutAfter(100, 1_200, 3_000_000, 500_000, 9_000_000);

    expectAll(
      await all(client, 'events', MANY_EVENTS, {
        onLoss: (error) => losses.push(error),
        onStart: (start) => starts.push(start),
      }),
    );
    expect(losses.map(({ code }) => code)).toContain('NETWORK');
    expect(losses.length).toBeGreaterThanOrEqual(3);
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatchObject({ export: 'events', from: '2026-01-01T00:00:00.000Z' });
  });

  it('go on with the same set when the gateway is killed in the middle, at another one', async () => {
    const killed = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
    stops.push(killed.kill);
    way.lead(killed.origin);
    way.after(3_000_000, () => {
      way.lead(originOf(gateway));
      void killed.kill();
    });
    const losses: GatewayError[] = [];

    expectAll(await all(client, 'events', MANY_EVENTS, { onLoss: (error) => losses.push(error) }));
    expect(losses.length).toBeGreaterThanOrEqual(1);
  });

  it('go on from a place that was kept', async () => {
    const { rows } = await all(client, 'events');
    let asOf = '';
    const first = exportRows(client, 'events', MANY_EVENTS, {
      onStart: (start) => {
        ({ asOf } = start);
      },
    });
    await first.next();
    await first.return({ rows: 0, creditsMicro: null, credits: null });
    const place = { asOf, after: rows[29_999]?.cursor ?? '' };
    const rest = await all(client, 'events', MANY_EVENTS, { place });

    expect(rest.rows).toEqual(rows.slice(30_000));
    expect(rest.end.rows).toBe(EVENTS - 30_000);
  });

  it('end where the caller ends them', async () => {
    for await (const row of exportRows(client, 'events', MANY_EVENTS)) {
      expect(row.credits).toBe('0.000001');
      break;
    }
    const ended = new AbortController();
    const reading = exportRows(client, 'events', MANY_EVENTS, { signal: ended.signal });
    await reading.next();
    ended.abort();

    await expect(
      (async () => {
        for (;;) await reading.next();
      })(),
    ).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('are refused with the gateway’s own words', async () => {
    const wrong = createGateway({ url: way.origin, key: 'no-key-of-this-gateway' });

    await expect(all(client, 'events', { from: 'yesterday' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      path: ['from'],
      status: 400,
    });
    await expect(all(wrong, 'events')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('are not taken for what was sent when one is missing', async () => {
    const real = globalThis.fetch;
    const dropping = createGateway({
      ...{ url: way.origin, key: OPERATOR_KEY },
      fetch: async (...args) => {
        const response = await real(...args);
        const lines = (await response.text()).split('\n');
        lines.splice(5, 1);
        return new Response(lines.join('\n'), response);
      },
    });
    const { account } = await dropping.account({ externalId: 'many' });

    await expect(
      all(dropping, 'events', { ...MANY_EVENTS, accountId: account?.id }),
    ).rejects.toMatchObject({ code: 'BAD_ANSWER', message: expect.stringContaining('39999 rows') });
  });
});

const subject: Record<keyof ExportedSubject, true> = {
  ...{ resourceKind: true, resourceExternalId: true, resourceName: true, owner: true },
  ...{ modelExternalId: true, modelName: true },
};
// The compiler sees that each has all members of its type, and no others.
const usage: Record<keyof ExportedUsage, true> = {
  ...{ from: true, to: true, category: true, component: true, ...subject, hardware: true },
  ...{ unit: true, runs: true, quantity: true, credits: true, timeMs: true, replicaTimeMs: true },
};
const events: Record<keyof ExportedEvent, true> = {
  ...{ id: true, source: true, eventId: true, usageType: true, ...subject, quantity: true },
  ...{ unit: true, credits: true, occurredAt: true, recordedAt: true, voidedAt: true },
  voidReason: true,
};
const segments: Record<keyof ExportedSegment, true> = {
  ...{ ...subject, hardware: true, replicas: true, creditsPerHour: true, startedAt: true },
  ...{ endedAt: true, from: true, to: true, timeMs: true, replicaTimeMs: true, credits: true },
};
const ledger: Record<keyof ExportedEntry, true> = {
  ...{ id: true, sequence: true, kind: true, amount: true, balance: true, bookedAt: true },
  ...{ recordedAt: true, cycleId: true, allocationId: true, description: true },
};
const allocations: Record<keyof ExportedAllocation, true> = {
  ...{ id: true, unit: true, source: true, amount: true, allocated: true, priority: true },
  ...{ effectiveAt: true, expiresAt: true, voidedAt: true, createdAt: true, everyCycle: true },
  note: true,
};
const alerts: Record<keyof ExportedAlert, true> = {
  ...{ id: true, sequence: true, kind: true, crossedAt: true, raisedAt: true, remaining: true },
  ...{ percentUsed: true, runsRemaining: true, measured: true, resolvesSequence: true },
  message: true,
};
const members = { usage, events, segments, ledger, allocations, alerts };

describe('each export', () => {
  let own: Gateway;

  beforeAll(async () => {
    const id = await openUsageAccount(gateway);
    const { secret } = await createKey(gateway, id, ['READ_USAGE']);
    own = createGateway({ url: originOf(gateway), key: secret });
  });

  it.each(Object.keys(members) as (keyof typeof members)[])(
    'has rows as their type says, and adds up to its end: %s',
    async (name) => {
      const { rows, end } = await all(own, name, TEN_DAYS);

      // It is the gateway's end, which the client compares with what it added up itself.
      expect(end.rows).toBe(rows.length);
      expect(rows.length).toBeGreaterThan(0);
      expect(Object.keys(rows[0] ?? {})).toEqual(['type', 'cursor', ...Object.keys(members[name])]);
    },
  );
});

describe('an export as a file', () => {
  it('is named, and compared with what the gateway sent', async () => {
    const parameters = { ...MANY_EVENTS, format: 'csv', bom: true } as const;
    const file = await exportFile(client, 'events', parameters);
    let bytes = 0;
    for await (const chunk of file.bytes) bytes += chunk.length;

    expect(file.fileName).toBe('events-2026-01-01-2026-01-31.csv');
    expect(await exportRun(client, file.id)).toMatchObject({
      ...{ state: 'COMPLETE', format: 'csv', rows: EVENTS, bytes, credits: '800.02' },
    });
  });

  it('breaks off with an error', async () => {
    way.cutAfter(2_000_000);
    const { bytes } = await exportFile(client, 'events', { ...MANY_EVENTS, format: 'csv' });

    await expect(
      (async () => {
        for await (const chunk of bytes) expect(chunk.length).toBeGreaterThan(0);
      })(),
    ).rejects.toMatchObject({ code: 'NETWORK' });
  });

  it('can be written of lines, as if the link had not been cut', async () => {
    const texts = async (): Promise<readonly string[]> => {
      const lines: string[] = [];
      for await (const some of exportLines(client, 'events', MANY_EVENTS)) {
        lines.push(...some.map(({ text }) => text));
      }
      return lines;
    };
    const whole = await texts();
    way.cutAfter(3_000_000, 4_000_000);
    const pieced = await texts();

    expect(pieced.slice(1)).toEqual(whole.slice(1));
    expect(pieced).toHaveLength(EVENTS + 2);
  });

  it('has one last line, also when the link is cut right behind it', async () => {
    const real = globalThis.fetch;
    const cut = createGateway({
      ...{ url: way.origin, key: OPERATOR_KEY },
      fetch: async (...args) => {
        const response = await real(...args);
        if (!response.url.includes('/v1/exports/')) return response;
        const sent = [new Uint8Array(await response.arrayBuffer())];
        // Read only when it is asked for, as from a socket: an error of a stream throws away what was not read yet.
        const body = new ReadableStream<Uint8Array>(
          {
            pull: (controller) => {
              const next = sent.shift();
              if (next === undefined) controller.error(new TypeError('terminated'));
              else controller.enqueue(next);
            },
          },
          { highWaterMark: 0 },
        );
        return new Response(body, response);
      },
    });
    const { account } = await cut.account({ externalId: 'many' });
    const types: string[] = [];

    for await (const lines of exportLines(cut, 'events', {
      ...TEN_DAYS,
      accountId: account?.id,
    })) {
      types.push(...lines.map(({ type }) => type));
    }

    expect(types.filter((type) => type !== 'row')).toEqual(['start', 'end']);
    await cut.close();
  });
});
