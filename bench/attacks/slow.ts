// Callers who begin and do not go on: half a head, or a body of which nothing comes. What they hold, and whether others are served.

import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { type GatewayProcess, residentMb } from '../support/gateway-process.ts';
import { printTable, quantile, timed } from '../support/measure.ts';

const SOCKETS = 200;
const BODY_BYTES = 16 * 1024 * 1024;
const ASKED = 100;

/** Prints what 200 callers of each kind do to the gateway's memory and to another caller. */
export async function measureSlow(gateway: GatewayProcess, key: string): Promise<void> {
  const head = `POST /graphql HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${key}\r\n`;
  const body = `content-type: application/json\r\ncontent-length: ${BODY_BYTES}\r\n\r\n{"query":"`;
  const kinds = { 'half-sent heads': head, 'bodies of 16 MiB, just begun': head + body };
  const rows = [await rowOf(gateway, key, { name: 'nobody', sent: null })];
  for (const [name, sent] of Object.entries(kinds)) {
    rows.push(await rowOf(gateway, key, { name: `${SOCKETS} ${name}`, sent }));
  }
  printTable(
    'callers who begin and do not go on, and another who asks meanwhile',
    ['', 'RSS more MB', 'p50 ms', 'p99 ms', 'refused of the other'],
    rows,
  );
}

async function rowOf(
  gateway: GatewayProcess,
  key: string,
  { name, sent }: { readonly name: string; readonly sent: string | null },
): Promise<readonly (string | number)[]> {
  const beforeMb = await residentMb(gateway.pid);
  const sockets = sent === null ? [] : await beginAll(gateway.origin, sent);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const taken: number[] = [];
  let refused = 0;
  for (let asked = 0; asked < ASKED; asked += 1) {
    const ms = await timed(async () => {
      const answer = await request(`${gateway.origin}/graphql`, {
        method: 'POST',
        headers,
        body: '{"query":"{ account { name } }"}',
      });
      await answer.body.text();
      if (answer.statusCode !== 200) refused += 1;
    });
    taken.push(ms);
  }
  const moreMb = (await residentMb(gateway.pid)) - beforeMb;
  for (const socket of sockets) socket.destroy();
  await pause(500);
  return [name, moreMb, quantile(taken, 0.5), quantile(taken, 0.99), `${refused} of ${ASKED}`];
}

async function beginAll(origin: string, sent: string): Promise<readonly Socket[]> {
  const { port, hostname } = new URL(origin);
  const sockets = Array.from({ length: SOCKETS }, () => connect(Number(port), hostname));
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.write(sent);
  }
  await pause(1_000);
  return sockets;
}
