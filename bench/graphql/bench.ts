import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Pool } from 'undici';
import { invariant } from '../../src/core/errors.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { inTurns, median, printTable } from '../support/measure.ts';
import type { Result } from '../support/results.ts';
import { bodyOf, type Page, pageOf } from './page.ts';
import type { Ask, Serving, Used } from './serve.ts';

const CONNECTIONS = 8;
const FULL = { turnMs: 2_000, warmUpPages: 10_000, rounds: 7 };
const QUICK = { turnMs: 1_000, warmUpPages: 5_000, rounds: 3 };
/** Of the pages to warm up by: so many of long ones would take minutes. */
const WARM_UP_ROWS = 10;
/** A page from the database takes long, so there are fewer. */
const DATABASE_WARM_UP_SHARE = 0.1;
const LEAST_OF_APOLLO = 4;
const LEAST_OF_MERCURIUS = 0.85;
const SERVERS = ['gateway', 'apollo', 'mercurius', 'database'];
/** Of a page of 100 rows of 1,000, from the database, on two cores that do nothing else. */
const DATABASE = { pagesLeast: 150, processorMsMost: 5, rows: 100 };

interface Length {
  readonly turnMs: number;
  readonly warmUpPages: number;
  readonly rounds: number;
}

interface Server extends Serving {
  readonly name: string;
  readonly child: ChildProcess;
}

/** Measures pages of rows a second of each server, one after the other in turns. */
export async function benchGraphql({
  quick,
}: {
  readonly quick: boolean;
}): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const rows of [100, 500, 1_000]) {
    const servers: Server[] = [];
    try {
      for (const which of SERVERS) {
        servers.push(await start(which, rows));
      }
      results.push(...(await compare(servers, rows, quick ? QUICK : FULL)));
    } finally {
      await Promise.all(servers.map(stop));
    }
  }
  return results;
}

async function compare(
  servers: readonly Server[],
  rows: number,
  { turnMs, warmUpPages, rounds }: Length,
): Promise<readonly Result[]> {
  const page = pageOf(rows);
  const answers = await Promise.all(
    servers.filter(({ name }) => name !== 'database').map((server) => askOnce(server, page)),
  );
  invariant(new Set(answers).size === 1, 'all servers give the same answer over the same rows');
  const cpu = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  const contenders = servers.map((server) => ({
    name: server.name,
    measure: async (): Promise<number> => {
      const beforeMs = await usedCpuMs(server);
      const turn = await load(server, page, { turnMs });
      const afterMs = await usedCpuMs(server);
      cpu.get(server.name)?.push((afterMs - beforeMs) / turn.pages);
      return (turn.pages * 1_000) / turn.tookMs;
    },
  }));
  // Code that ran a few times only is not compiled yet. What counts is how often: in the same time, the slower stay colder.
  for (const server of servers) {
    const share = server.name === 'database' ? DATABASE_WARM_UP_SHARE : 1;
    await load(server, { ...page, first: WARM_UP_ROWS }, { pages: warmUpPages * share });
    await load(server, page, { turnMs });
  }
  const took = await inTurns(contenders, rounds);
  const pagesOf = (name: string): number => took.get(name) ?? Number.NaN;
  const cpuOf = (name: string): number => median(cpu.get(name) ?? []);
  printTable(
    `Pages of ${rows} rows`,
    ['', 'pages/s', '× Apollo', '× mercurius', 'CPU ms a page', '× Apollo', '× mercurius'],
    titles.map(([name, title]) => [
      title,
      pagesOf(name),
      pagesOf(name) / pagesOf('apollo'),
      pagesOf(name) / pagesOf('mercurius'),
      cpuOf(name),
      cpuOf('apollo') / cpuOf(name),
      cpuOf('mercurius') / cpuOf(name),
    ]),
  );
  const measured = { pagesOf, cpuOf };
  return [...peerResults(rows, measured), ...databaseResults(rows, measured)];
}

interface Measured {
  readonly pagesOf: (name: string) => number;
  readonly cpuOf: (name: string) => number;
}

function peerResults(rows: number, { pagesOf, cpuOf }: Measured): readonly Result[] {
  const page = `a page of ${rows} rows in memory`;
  const pages = (peer: string, title: string, least: number): Result => ({
    area: 'graphql',
    what: `${page}, beside ${title}`,
    goal: { least, of: `× ${title}` },
    figure: pagesOf('gateway'),
    unit: 'pages/s',
    ratio: pagesOf('gateway') / pagesOf(peer),
    processorMs: { gateway: cpuOf('gateway') },
  });
  return [
    pages('mercurius', 'mercurius with jit', LEAST_OF_MERCURIUS),
    {
      ...pages('mercurius', 'mercurius with jit', LEAST_OF_MERCURIUS),
      what: `${page}, processor time beside mercurius with jit`,
      figure: cpuOf('gateway'),
      unit: 'ms',
      ratio: cpuOf('mercurius') / cpuOf('gateway'),
    },
    pages('apollo', 'stock Apollo on Express', LEAST_OF_APOLLO),
  ];
}

function databaseResults(rows: number, { pagesOf, cpuOf }: Measured): readonly Result[] {
  const isJudged = rows === DATABASE.rows;
  const result = {
    area: 'graphql',
    ratio: null,
    processorMs: { gateway: cpuOf('database') },
  };
  return [
    {
      ...result,
      what: `a page of ${rows} of 1,000 workflows from the database, 8 in flight`,
      goal: isJudged ? { least: DATABASE.pagesLeast, of: 'pages/s' } : null,
      figure: pagesOf('database'),
      unit: 'pages/s',
    },
    {
      ...result,
      what: `the same, the gateway’s processor time`,
      goal: isJudged ? { most: DATABASE.processorMsMost, of: 'ms' } : null,
      figure: cpuOf('database'),
      unit: 'ms',
    },
  ];
}

const titles = [
  ['gateway', 'gateway, rows in memory'],
  ['database', 'gateway, from its database'],
  ['apollo', 'Apollo Server on Express, rows in memory'],
  ['mercurius', 'mercurius with jit, rows in memory'],
] as const;

async function start(which: string, rows: number): Promise<Server> {
  const child = fork(new URL('serve.ts', import.meta.url), [which, String(rows)], {
    // As in production: Express and others do less for themselves then.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const failed = once(child, 'exit').then(() => {
    throw new Error(`The server ${which} ended.`);
  });
  failed.catch(() => undefined);
  const messages: readonly unknown[] = await Promise.race([once(child, 'message'), failed]);
  return { name: which, child, ...(messages[0] as Serving) };
}

async function stop({ child }: Server): Promise<void> {
  const ended = once(child, 'exit');
  child.send('stop' satisfies Ask);
  await ended;
}

async function usedCpuMs({ child }: Server): Promise<number> {
  const answer = once(child, 'message');
  child.send('cpu' satisfies Ask);
  const messages: readonly unknown[] = await answer;
  return (messages[0] as Used).cpuMs;
}

async function load(
  server: Server,
  asked: Page,
  until: { readonly turnMs?: number; readonly pages?: number },
): Promise<{ readonly pages: number; readonly tookMs: number }> {
  const { turnMs = Infinity, pages: pagesMax = Infinity } = until;
  const pool = new Pool(`http://127.0.0.1:${server.port}`, { connections: CONNECTIONS });
  const beginMs = performance.now();
  let pages = 0;
  const body = bodyOf(asked, server.accountId);
  const work = async (): Promise<void> => {
    while (pages < pagesMax && performance.now() - beginMs < turnMs) {
      await ask(pool, body);
      pages += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const tookMs = performance.now() - beginMs;
  await pool.close();
  return { pages, tookMs };
}

async function askOnce(server: Server, asked: Page): Promise<string> {
  const pool = new Pool(`http://127.0.0.1:${server.port}`);
  const answer: unknown = JSON.parse(await ask(pool, bodyOf(asked, server.accountId)));
  await pool.close();
  invariant(
    typeof answer === 'object' && answer !== null && 'data' in answer,
    'an answer has data',
  );
  return JSON.stringify(answer.data);
}

async function ask(pool: Pool, body: string): Promise<string> {
  const response = await pool.request({
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_KEY}` },
    body,
  });
  const text = await response.body.text();
  invariant(response.statusCode === 200 && !text.includes('"errors"'), text.slice(0, 500));
  return text;
}
