// A gateway that stands still in the middle of a write, as on a machine that is paused, while it holds the lock of an account.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  AllocateDocument,
  CreditsDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import { SystemClock } from '../../src/core/clock.ts';
import {
  allocate,
  ask,
  createAccount,
  numberOf,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { cloneTemplate, countLockWaits } from '../support/databases.ts';
import { until } from '../support/eventually.ts';
import { codeOf, OPERATOR_KEY } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { post } from '../support/post.ts';

const DAY_MS = 86_400_000;
const beganMs = new SystemClock().nowMs();
const CREDITS_FROM = new Date(beganMs - DAY_MS).toISOString();
const OCCURRED_AT = new Date(beganMs - 1_000).toISOString();
const VOIDED = { source: 's', eventId: 'voided', reason: 'r' };

let databaseUrl = '';
let frozen: GatewayProcess;
let other: GatewayProcess;
const clients: pg.Client[] = [];

beforeAll(async () => {
  databaseUrl = await cloneTemplate();
  frozen = await startGatewayProcess(databaseUrl, OPERATOR_KEY);
  other = await startGatewayProcess(databaseUrl, OPERATOR_KEY);
});

afterAll(async () => {
  for (const client of clients) await client.end();
  await frozen.kill();
  await other.kill();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  clients.push(client);
  await client.connect();
  return client;
}

/** An account with 100 credits, 3 of which an event took. */
async function anAccount(): Promise<string> {
  const accountId = await createAccount(other, {
    createdAt: CREDITS_FROM,
    creditsFrom: CREDITS_FROM,
  });
  await allocate(other, accountId, '100');
  await registerGuardrail(other, accountId);
  await recordUsage(other, accountId, {
    ...{ eventId: VOIDED.eventId, occurredAt: OCCURRED_AT, credits: '3' },
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g' },
  });
  return accountId;
}

/** Stops the gateway while it voids the event, under the account's lock. @returns what it answers once it goes on */
async function freezeWithin(accountId: string): Promise<{ readonly answer: Promise<unknown> }> {
  const [holder, watcher] = [await connect(), await connect()];
  const isAtVoid = async (state: string): Promise<boolean> => {
    const { rows } = await watcher.query(
      `select from pg_stat_activity where datname = current_database() and query like '%usage.markVoided%' and ${state}`,
    );
    return rows.length > 0;
  };
  // It locks the account first, and then waits for the event.
  await holder.query('begin');
  await holder.query('select from usage_event where account_id = $1 and event_id = $2 for update', [
    numberOf(accountId),
    VOIDED.eventId,
  ]);
  const answer = codeOf(frozen.query(VoidUsageDocument, { accountId, ...VOIDED }));
  await until(
    async () => (await isAtVoid(`state = 'active'`)) && (await countLockWaits(databaseUrl)) > 0,
    'the void waits',
  );
  frozen.signal('SIGSTOP');
  await holder.query('rollback');
  await until(() => isAtVoid(`state = 'idle in transaction'`), 'the transaction stands still');
  return { answer };
}

interface Reply {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly code: string | undefined;
}

/** Sends a call to the other gateway. */
async function send(path: string, body: unknown): Promise<Reply> {
  const response = await post(other.origin, path, { body, key: OPERATOR_KEY });
  const { errors } = (await response.json()) as {
    readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
  };
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    code: errors?.[0]?.extensions.code,
  };
}

/** Reports an event of 2 credits. */
function report(accountId: string): Promise<Reply> {
  return send(`/v1/events?accountId=${accountId}`, {
    ...{ specversion: '1.0', type: 'com.billing-gateway.processing', source: 's', id: 'reported' },
    ...{ subject: 'GUARDRAIL/g', time: OCCURRED_AT, data: { credits: '2' } },
  });
}

/** Allocates 10 credits. */
function give(accountId: string): Promise<Reply> {
  const input = { accountId, amount: '10', idempotencyKey: 'given' };
  return send('/graphql', { query: AllocateDocument.text, variables: { input } });
}

it('costs others no more than waits for its account, which end in UNAVAILABLE with Retry-After', async () => {
  const [held, free] = [await anAccount(), await anAccount()];
  const voiding = await freezeWithin(held);

  const waits = [report(held), give(held)];
  const beside = [await report(free), await give(free)];
  const [byRest, byGraphql] = await Promise.all(waits);
  const later: Reply[] = [];
  await until(
    async () => later[later.push(await report(held)) - 1]?.status === 200,
    'the lock is free',
  );

  const done = { status: 200, retryAfter: null, code: undefined };
  const refused = { status: 503, retryAfter: '1', code: 'UNAVAILABLE' };
  expect(beside).toEqual([done, done]);
  expect([byRest, byGraphql]).toEqual([refused, refused]);
  expect(later.slice(0, -1).every(({ code }) => code === 'UNAVAILABLE')).toBe(true);
  // The gateway still stands. What it was about to do was undone with the lock, and is done when it is asked for again.
  frozen.signal('SIGCONT');
  expect(await voiding.answer).toBe('UNAVAILABLE');
  // It takes a moment in which it finds itself overloaded.
  const again = (): ReturnType<typeof codeOf> =>
    codeOf(frozen.query(VoidUsageDocument, { accountId: held, ...VOIDED }));
  await until(async () => (await again()) === undefined, 'it goes on');
  // 100 of the allocation, 2 of the event that was reported.
  for (const gateway of [frozen, other]) {
    const { account } = await ask(gateway, CreditsDocument, { accountId: held });
    expect(account?.credits).toMatchObject({ allocated: '100', used: '2', remaining: '98' });
  }
});
