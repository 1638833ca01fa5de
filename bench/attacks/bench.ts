// What attacks cost: the gateway's processor time and memory for each, with an ordinary key, before it refuses.

import { type ChildProcess } from 'node:child_process';
import { request } from 'undici';
import { SystemClock } from '../../src/core/clock.ts';
import { createAccount, createHardware } from '../support/data-set.ts';
import { type BenchGateway, startBenchGateway } from '../support/gateway.ts';
import {
  type GatewayProcess,
  residentMb,
  startGatewayProcess,
} from '../support/gateway-process.ts';
import { note, printTable } from '../support/measure.ts';
import { processorMs } from '../support/processor.ts';
import { measureIds } from './ids.ts';
import { type Attack, attacks } from './requests.ts';
import { measureSlow } from './slow.ts';
import { measureSockets } from './sockets.ts';

/** What one attack may take of a processor before it is refused. */
const PROCESSOR_AIM_MS = 50;
const TIMES = 40;

export async function benchAttacks(flags: { readonly only: string | undefined }): Promise<void> {
  const bench = await startBenchGateway(new SystemClock(), { countsStatements: true });
  const children: ChildProcess[] = [];
  try {
    await createHardware(bench);
    const account = await createAccount(bench, 'attacked');
    const key = await keyOf(bench, account.id);
    const gateway = await startGatewayProcess(bench.ownerUrl, children);
    await measureAll(gateway, key, flags.only);
    await measureSlow(gateway, key);
    const { accountId } = await createAccount(bench, 'another');
    await measureIds(gateway.origin, key, accountId);
    await measureSockets({ bench, gateway, children, bystanderKey: key });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await bench.close();
  }
}

async function keyOf({ app, actor }: BenchGateway, accountId: string): Promise<string> {
  const { secret } = await app.keys.create(actor, {
    accountId,
    name: 'attacker',
    scopes: ['READ_USAGE', 'INGEST'],
  });
  return secret;
}

async function measureAll(
  gateway: GatewayProcess,
  key: string,
  only: string | undefined,
): Promise<void> {
  const rows: (readonly (string | number)[])[] = [];
  // The first calls compile and fill caches.
  for (let n = 0; n < 300; n += 1) await send(gateway, key, `{"query":"{ __typename }"}`);
  for (const attack of attacks.filter(({ name }) => name.includes(only ?? ''))) {
    note(attack.name);
    rows.push(await measureOne(gateway, key, attack));
  }
  printTable(
    `attacks by HTTP, with an ordinary key; aim: at most ${PROCESSOR_AIM_MS} ms each`,
    ['', 'sent KB', 'processor ms', 'took ms', 'RSS more MB', 'answer', ''],
    rows,
  );
}

async function measureOne(
  gateway: GatewayProcess,
  key: string,
  { name, body, times = TIMES, isUnknown }: Attack,
): Promise<readonly (string | number)[]> {
  const bodies = Array.from({ length: Math.min(times, TIMES) }, (_, n) => body(n));
  const beforeMb = await residentMb(gateway.pid);
  const beforeMs = await processorMs(gateway.pid);
  const beganMs = performance.now();
  let answer = '';
  for (let n = 0; n < times; n += 1) {
    const sent = bodies[n % bodies.length] ?? '';
    answer = await send(gateway, isUnknown ? `${key}${n}` : key, sent);
  }
  const tookMs = (performance.now() - beganMs) / times;
  const cpuMs = ((await processorMs(gateway.pid)) - beforeMs) / times;
  const moreMb = (await residentMb(gateway.pid)) - beforeMb;
  const verdict = cpuMs <= PROCESSOR_AIM_MS ? 'met' : 'MISSED';
  return [name, (bodies[0]?.length ?? 0) / 1024, cpuMs, tookMs, moreMb, answer, verdict];
}

/** @returns the status and the code of the first error */
async function send({ origin }: GatewayProcess, key: string, body: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const { statusCode, body: answer } = await request(`${origin}/graphql`, {
    method: 'POST',
    headers,
    body,
  });
  const code = /"code":"(\w+)"/.exec(await answer.text())?.[1] ?? '';
  return `${statusCode} ${code}`;
}
