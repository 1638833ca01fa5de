// Exports when something goes wrong on the way: callers that go away or stop reading, gateways that stop or are killed, a database
// connection that breaks. Nothing is kept for them, and whoever asks is told how it ended.

import http from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount, createKey, recordUsage, register } from '../support/account.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { originOf } from '../support/live.ts';

const EVENTS = 40_000;
const ALL = 'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&format=ndjson';
/** As many as the gateway of these tests runs at a time. */
const PLACES = 3;

let gateway: TestGateway;
let secret: string;
let started: http.ClientRequest[] = [];
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  gateway = await startTestGateway({
    app: { exportLimits: { perGateway: PLACES, perAccount: PLACES } },
  });
  const id = await createAccount(gateway, { createdAt: '2026-01-01T00:00:00Z' });
  ({ secret } = await createKey(gateway, id, ['READ_USAGE']));
  await register(gateway, id, { kind: 'GUARDRAIL', externalId: 'g', name: 'G' });
  await recordUsage(gateway, id, {
    ...{ occurredAt: '2026-01-02T00:00:00Z', credits: '0.000001' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g' },
  });
  // More than fits into the buffers of a connection.
  await asOwner(
    gateway.databaseUrl,
    `insert into usage_event (account_id, seq, source, event_id, type, kind, subject_id, quantity, credits_micro, occurred_at, recorded_at)
     select account_id, n, repeat('s', 200), n::text, type, kind, subject_id, 1, n, occurred_at + n * interval '1 second', recorded_at
     from usage_event, generate_series(2, ${EVENTS}) n;
     update account set last_seq = ${EVENTS}`,
  );
});

afterEach(async () => {
  for (const request of started) request.destroy();
  started = [];
  await untilNothingIsLeft();
  for (const stop of stops.splice(0).reverse()) await stop();
});

afterAll(() => gateway.close());

/** Begins an export. Nothing of its answer is read, but for its head. */
function begin(origin = originOf(gateway), query = ALL): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}` };
    const request = http.get(`${origin}/v1/exports/events?${query}`, { headers }, resolve);
    started.push(request);
    request.on('error', reject);
  });
}

/** On a busy machine one may wait for its turn for longer than a lock is waited for: it asks again, as callers do. */
async function beginOnceTaken(origin: string): Promise<http.IncomingMessage> {
  const response = await begin(origin);
  if (response.statusCode !== 503) return response;
  response.resume();
  return beginOnceTaken(origin);
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The whole lines that arrive of an answer, which `breakOff` breaks off after some of them. */
async function arrivedOf(
  response: http.IncomingMessage,
  breakOff: () => Promise<void>,
): Promise<readonly string[]> {
  let text = '';
  let broken: Promise<void> | null = null;
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > 500_000) broken ??= breakOff();
    }
    throw new Error('all of it arrived');
  } catch (error) {
    expect(String(error)).toContain('aborted');
  }
  await broken;
  return text.split('\n').slice(0, -1);
}

async function stateOf(response: http.IncomingMessage, of = gateway): Promise<unknown> {
  const id = String(response.headers['x-export-id']);
  const answer = await fetch(`${originOf(of)}/v1/exports/runs/${id}`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  return ((await answer.json()) as { state: unknown }).state;
}

async function running(): Promise<unknown> {
  const [row] = await asOwner(
    gateway.databaseUrl,
    `select (select count(*)::int from export_run where state = 'RUNNING') as runs,
       (select count(*)::int from pg_stat_activity where datname = current_database() and xact_start is not null
         and application_name = 'billing-gateway' and state like 'idle in transaction%') as transactions`,
  );
  return row;
}

async function untilNothingIsLeft(): Promise<void> {
  await eventually(async () => {
    expect(await running()).toEqual({ runs: 0, transactions: 0 });
  });
}

describe('places', () => {
  it('are two for an account, over all gateways, however many ask at once', async () => {
    const two = await Promise.all(
      [1, 2].map(() =>
        startTestGateway({ beside: gateway, app: { exportLimits: { perAccount: 2 } } }),
      ),
    );
    stops.push(...two.map((one) => () => one.close()));
    const origins = two.map(originOf);
    const answers = await Promise.all(
      [...origins, ...origins, ...origins].map((origin) => beginOnceTaken(origin)),
    );
    const statuses = answers.map(({ statusCode }) => statusCode).sort();
    const refused = answers.find(({ statusCode }) => statusCode === 429);

    expect(statuses).toEqual([200, 200, 429, 429, 429, 429]);
    expect(refused?.headers['retry-after']).toBe('10');
    expect(JSON.parse(await textOf(refused ?? fail()))).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 10 } }],
    });
  });

  it('come back after exports that were refused', async () => {
    for (let index = 0; index < 2 * PLACES; index += 1) {
      const tooLong = await begin(undefined, ALL.replace('from=2026', 'from=2024'));

      expect(tooLong.statusCode).toBe(413);
    }

    const origin = originOf(gateway);
    const all = await Promise.all(Array.from({ length: PLACES }, () => beginOnceTaken(origin)));

    expect(all.map(({ statusCode }) => statusCode)).toEqual(all.map(() => 200));
    expect((await begin()).statusCode).toBe(429);
  });

  it('come back after callers that went away, whenever they did', async () => {
    for (let index = 0; index < 6 * PLACES; index += 1) {
      const request = http.get(`${originOf(gateway)}/v1/exports/events?${ALL}`, {
        headers: { authorization: `Bearer ${secret}` },
      });
      request.on('error', () => undefined);
      const connected = new Promise((resolve) => request.once('finish', resolve));
      await connected;
      // A little later each time.
      for (let turns = 0; turns < index * 5; turns += 1) await turn();
      request.destroy();
    }

    // The last callers' requests may only arrive now. Each place comes back, and whoever got one keeps it.
    for (let index = 0; index < PLACES; index += 1) {
      await eventually(async () => {
        expect((await begin()).statusCode).toBe(200);
      });
    }
  });
});

describe('a caller', () => {
  it('that goes away ends its export at once', async () => {
    const response = await begin();

    expect(await stateOf(response)).toBe('RUNNING');

    started[0]?.destroy();
    await untilNothingIsLeft();

    expect(await stateOf(response)).toBe('ABORTED');
  });

  it('that takes nothing for too long is cut off', async () => {
    const impatient = await startTestGateway({
      beside: gateway,
      app: { exportLimits: { idleMs: 300 } },
    });
    stops.push(() => impatient.close());
    const response = await begin(originOf(impatient));
    await untilNothingIsLeft();

    expect(await stateOf(response)).toBe('ABORTED');
    await expect(textOf(response)).rejects.toThrow('aborted');
  });

  it('pays with points', async () => {
    const limited = await startTestGateway({
      beside: gateway,
      http: { pointRates: { perKey: 1_500, perAccount: 10_000 } },
    });
    stops.push(() => limited.close());
    const first = await begin(originOf(limited), ALL.replace('02-01', '01-02'));
    await textOf(first);
    const second = await begin(originOf(limited));

    expect([first.statusCode, second.statusCode]).toEqual([200, 429]);
    // What is left is renewed within the minute.
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(second.headers['retry-after'])).toBeLessThanOrEqual(60);
  });
});

describe('a connection to the database', () => {
  it('that breaks fails the export, and is replaced', async () => {
    const response = await begin();
    await asOwner(
      gateway.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query like '%batches%' and pid <> pg_backend_pid()`,
    );

    await expect(textOf(response)).rejects.toThrow('aborted');
    await untilNothingIsLeft();
    expect(await stateOf(response)).toBe('FAILED');

    const lines = (await textOf(await begin())).trimEnd().split('\n');

    expect(lines).toHaveLength(EVENTS + 2);
  });
});

describe('a gateway', () => {
  it('that stops in the middle fails the export, and ends in time', async () => {
    const stopped = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
    stops.push(stopped.kill);
    const response = await begin(stopped.origin);

    expect(await stateOf(response)).toBe('RUNNING');

    expect(await stopped.stop()).toBe(0);
    expect(await stateOf(response)).toBe('FAILED');
  });

  it('that is killed in the middle leaves an export that is seen as failed, and whose rest another one sends', async () => {
    const killed = await startGatewayProcess(gateway.databaseUrl, OPERATOR_KEY);
    stops.push(killed.kill);
    const whole = (await textOf(await begin())).trimEnd().split('\n');
    const response = await begin(killed.origin);
    const arrived = await arrivedOf(response, killed.kill);
    // As if it had been half a minute ago. Distributed tables take no arithmetic that depends on the session's zone.
    await asOwner(
      gateway.databaseUrl,
      `update export_run set seen_at = (seen_at at time zone 'UTC' - interval '31 seconds') at time zone 'UTC' where state = 'RUNNING'`,
    );

    expect(await stateOf(response)).toBe('FAILED');

    const { asOf } = JSON.parse(arrived[0] ?? '') as { asOf: string };
    const { cursor } = JSON.parse(arrived.at(-1) ?? '') as { cursor: string };
    const rest = await textOf(await begin(undefined, `${ALL}&after=${cursor}&asOf=${asOf}`));
    const others = rest.trimEnd().split('\n').slice(1, -1);

    expect(arrived.length).toBeGreaterThan(1_000);
    expect(others.length).toBeGreaterThan(1_000);
    expect([...arrived.slice(1), ...others]).toEqual(whole.slice(1, -1));

    await asOwner(
      gateway.databaseUrl,
      `update export_run set state = 'FAILED', ended_at = now() where state = 'RUNNING'`,
    );
  });
});

function fail(): never {
  throw new Error('there is none');
}
