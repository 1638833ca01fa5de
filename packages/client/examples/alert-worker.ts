// Does something about each alert of an account, once: node alert-worker.ts
// It may be stopped and started, and the gateway may be killed: it goes on after the last alert that it has handled.

import { readFile, rename, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { createGateway, GatewayError, type LiveAlert } from '@billing-gateway/client';
import WebSocket from 'ws';

const {
  GATEWAY_URL = 'http://localhost:4000',
  GATEWAY_KEY = '',
  CURSOR_FILE = 'alerts.cursor',
} = process.env;
// Node 22 and later have a WebSocket of their own; then leave `webSocket` out.
const gateway = createGateway({ url: GATEWAY_URL, key: GATEWAY_KEY, webSocket: WebSocket });

function handle({ sequence, kind, message }: LiveAlert): void {
  // Your own work goes here. Should the process end before the cursor is stored, this alert comes once more.
  console.log(`${sequence} ${kind} ${message}`);
}

/** Without a cursor: from the account's first alert on. */
async function storedCursor(): Promise<string> {
  return readFile(CURSOR_FILE, 'utf8').catch(() => '');
}

/** A process that is killed leaves the old cursor or the new one, never half of one. */
async function store(cursor: string): Promise<void> {
  await writeFile(`${CURSOR_FILE}.new`, cursor);
  await rename(`${CURSOR_FILE}.new`, CURSOR_FILE);
}

const stopping = new AbortController();
process.on('SIGTERM', () => {
  stopping.abort();
});

try {
  const alerts = gateway.alerts({
    after: await storedCursor(),
    onCursor: store,
    signal: stopping.signal,
  });
  for await (const alert of alerts) handle(alert);
} catch (error) {
  // The key was revoked, or the cursor is of another account: starting again would not help.
  if (!(error instanceof GatewayError)) throw error;
  console.error(`${error.message} (${error.code})`);
  process.exitCode = 1;
}
