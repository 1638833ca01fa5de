// A million rows as each format: how fast they come, how soon the first, and what the gateway has in memory meanwhile. The gateway
// under test is a process of its own, as `npm start` runs it; this process reads.

import type { ChildProcess } from 'node:child_process';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import {
  createAccount,
  createHardware,
  DAYS,
  fillAccount,
  settle,
  type BenchAccount,
} from '../support/data-set.ts';
import { OPERATOR_KEY, startBenchGateway } from '../support/gateway.ts';
import {
  type GatewayProcess,
  residentMb,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { median, note, printTable } from '../support/measure.ts';
import type { Result } from '../support/results.ts';

const CSV_AIM = 1.3;
const FIRST_LINE_AIM_MS = 1_000;
const SAMPLE_EVERY_MS = 200;
const DAY_MS = 86_400_000;

const exportsOf = {
  'events, NDJSON': 'events?format=ndjson',
  'events, CSV': 'events?format=csv',
  'usage by day, NDJSON': 'usage?format=ndjson&groupBy=COMPONENT,RESOURCE',
  'usage by day, CSV': 'usage?format=csv&groupBy=COMPONENT,RESOURCE',
} as const;
type Name = keyof typeof exportsOf;

/** Measures the exports of one account in turns. */
export async function benchExports({
  quick,
}: {
  readonly quick: boolean;
}): Promise<readonly Result[]> {
  const clock = new SystemClock();
  const bench = await startBenchGateway(clock);
  const children: ChildProcess[] = [];
  try {
    const events = quick ? 100_000 : 1_000_000;
    note(`${events} events …`);
    await createHardware(bench);
    const account = await createAccount(bench, 'exports');
    const nowMs = clock.nowMs();
    await fillAccount(bench, account, { events, nowMs });
    await settle(bench);
    const gateway = await startGatewayProcess(bench.ownerUrl, children);
    const rounds = 2;
    return await measure(gateway, { account, nowMs, rounds });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await bench.close();
  }
}

async function measure(
  gateway: GatewayProcess,
  of: { readonly account: BenchAccount; readonly nowMs: number; readonly rounds: number },
): Promise<readonly Result[]> {
  const names = Object.keys(exportsOf) as Name[];
  const read = new Map<Name, Reading[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= of.rounds; round += 1) {
    for (const name of names) {
      const reading = await readExport(gateway, addressOf(name, of));
      note(`${name}: ${reading.rows} rows in ${Math.round(reading.tookMs)} ms`);
      // The first round warms up.
      if (round > 0) read.get(name)?.push(reading);
    }
  }
  return print(names, (name) => read.get(name) ?? []);
}

function addressOf(
  name: Name,
  { account, nowMs }: { readonly account: BenchAccount; readonly nowMs: number },
): string {
  const [from, to] = [nowMs - (DAYS + 1) * DAY_MS, nowMs].map((atMs) =>
    new Date(atMs).toISOString(),
  );
  return `/v1/exports/${exportsOf[name]}&accountId=${account.id}&from=${from}&to=${to}`;
}

interface Reading {
  readonly rows: number;
  readonly bytes: number;
  readonly tookMs: number;
  readonly firstLineMs: number;
  readonly memory: readonly Sample[];
}

interface Sample {
  readonly rows: number;
  readonly mb: number;
}

async function readExport({ origin, pid }: GatewayProcess, path: string): Promise<Reading> {
  const memory: Sample[] = [{ rows: 0, mb: await residentMb(pid) }];
  const beganMs = performance.now();
  const response = await ask(`${origin}${path}`);
  let [lines, bytes, firstLineMs, sampledMs] = [0, 0, 0, beganMs];
  for await (const chunk of response) {
    const data = chunk as Buffer;
    if (bytes === 0) firstLineMs = performance.now() - beganMs;
    bytes += data.length;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) lines += 1;
    if (performance.now() - sampledMs > SAMPLE_EVERY_MS) {
      sampledMs = performance.now();
      memory.push({ rows: lines, mb: await residentMb(pid) });
    }
  }
  const tookMs = performance.now() - beganMs;
  const { rows } = await runOf(origin, String(response.headers['x-export-id']));
  // Names or the first and the last line are no rows.
  invariant(lines - rows <= 2, 'every row arrived', { lines, rows });
  // What the next one would begin with.
  await pause(500);
  return { rows, bytes, tookMs, firstLineMs, memory };
}

function ask(url: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
    const request = http.get(url, { headers }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`${url} was answered with ${String(response.statusCode)}`));
    });
    request.on('error', reject);
  });
}

async function runOf(origin: string, id: string): Promise<{ readonly rows: number }> {
  const response = await fetch(`${origin}/v1/exports/runs/${id}`, {
    headers: { authorization: `Bearer ${OPERATOR_KEY}` },
  });
  const run = (await response.json()) as { state: string; rows: number };
  invariant(run.state === 'COMPLETE', 'the export is complete', run);
  return run;
}

function print(
  names: readonly Name[],
  readingsOf: (name: Name) => readonly Reading[],
): readonly Result[] {
  const of = (name: Name, value: (reading: Reading) => number): number =>
    median(readingsOf(name).map(value));
  const rowsPerSecond = (name: Name): number =>
    of(name, ({ rows, tookMs }) => (rows * 1_000) / tookMs);
  printTable(
    `Exports of one account (aims: the first line within ${FIRST_LINE_AIM_MS} ms; memory flat)`,
    [
      '',
      'rows',
      'MB',
      'rows/s',
      'MB/s',
      'first line, ms',
      'RSS before, MB',
      'RSS peak, MB',
      'RSS slope, MB per 1e6 rows',
    ],
    names.map((name) => [
      name,
      of(name, ({ rows }) => rows),
      of(name, ({ bytes }) => bytes / 1e6),
      rowsPerSecond(name),
      of(name, ({ bytes, tookMs }) => bytes / tookMs / 1e3),
      of(name, ({ firstLineMs }) => firstLineMs),
      of(name, ({ memory }) => memory[0]?.mb ?? Number.NaN),
      Math.max(...readingsOf(name).flatMap(({ memory }) => memory.map(({ mb }) => mb))),
      of(name, ({ memory }) => slope(memory)),
    ]),
  );
  const result = { area: 'exports', processorMs: null };
  return (['events', 'usage by day'] as const).flatMap((export_): Result[] => [
    {
      ...result,
      what: `${export_} as CSV`,
      goal: { most: CSV_AIM, of: '× the time of NDJSON' },
      figure: rowsPerSecond(`${export_}, CSV`),
      unit: 'rows/s',
      ratio: rowsPerSecond(`${export_}, NDJSON`) / rowsPerSecond(`${export_}, CSV`),
    },
    {
      ...result,
      what: `${export_} as CSV, the first line`,
      goal: { most: FIRST_LINE_AIM_MS, of: 'ms' },
      figure: of(`${export_}, CSV`, ({ firstLineMs }) => firstLineMs),
      unit: 'ms',
      ratio: null,
    },
  ]);
}

/** By least squares, over the second half: at first a process grows to what it needs. In MB per million rows. */
function slope(memory: readonly Sample[]): number {
  const half = memory.slice(Math.floor(memory.length / 2));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [rows, mb] = [mean(half.map((one) => one.rows)), mean(half.map((one) => one.mb))];
  const covariance = mean(half.map((one) => (one.rows - rows) * (one.mb - mb)));
  const variance = mean(half.map((one) => (one.rows - rows) ** 2));
  return (covariance / variance) * 1e6;
}
