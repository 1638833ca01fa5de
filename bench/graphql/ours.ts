// The gateway as it is, and the same server, schema and resolvers with the rows in memory instead of a database.

import { DataSource } from 'typeorm';
import { createApp } from '../../src/app.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { scopes, type Actor } from '../../src/core/identity.ts';
import { Database, type Tx } from '../../src/db/database.ts';
import { RequestContext } from '../../src/graphql/context.ts';
import { HTTP_DEFAULTS } from '../../src/http/options.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { UsageViews } from '../../src/views/views.service.ts';
import { createAccount, createHardware, fillAccount, settle } from '../support/data-set.ts';
import { portOf, startBenchGateway } from '../support/gateway.ts';
import { account, tabRows } from './page.ts';

const EVENTS = 100_000;

/** @returns its port */
export async function startInMemory(count: number): Promise<number> {
  const clock = new SystemClock();
  // Never connected: what resolvers ask of it is answered by the context below.
  const pool = new DataSource({ type: 'postgres' });
  const database = new Database(
    { accounts: pool, operators: pool, long: pool },
    { url: '', poolSize: 0, isDistributed: false },
  );
  const { schema } = createApp({
    database,
    clock,
    ingestWindowDays: 400,
    ingestAheadSeconds: 300,
    onError: () => undefined,
  });
  const actor: Actor = {
    name: 'bench',
    keyId: 1,
    accountId: null,
    scopes: new Set(Object.values(scopes)),
  };
  const rows = tabRows(count);

  class MemoryContext extends RequestContext {
    override reader(): Promise<Tx> {
      return Promise.resolve(memory);
    }

    override once<T>(make: (context: RequestContext) => T): T {
      const made = super.once(make);
      if (made instanceof UsageViews) {
        made.workflowRows = () => Promise.resolve(rows);
        made.asOf = () =>
          Promise.resolve({ nowMs: this.nowMs, lastSeq: 0, lastChange: 0, lastLocalId: 0 });
      }
      return made;
    }
  }

  const server = await createHttpServer({
    options: { ...HTTP_DEFAULTS, logLevel: 'silent' },
    schema,
    authenticate: () => Promise.resolve(actor),
    createContext: (of) => new MemoryContext(of, database, clock),
    isReady: () => Promise.resolve(true),
    extraRoutes: () => undefined,
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return portOf(server.server.address());
}

const memory: Tx = {
  isDistributed: false,
  allowLong: () => Promise.resolve(),
  later: () => undefined,
  query: ({ text }) => Promise.resolve(text.startsWith('/* account.') ? [ACCOUNT_ROW] : []),
};

const ACCOUNT_ROW = {
  account_id: account.accountId,
  external_id: account.externalId,
  is_test: false,
  settled_at: new Date(account.settledAtMs),
  cycle_starts_at: new Date(account.cycle.startMs),
  cycle_ends_at: new Date(account.cycle.endMs),
  earlier_cycle_starts: account.cycle.earlierStartsMs.map((ms) => new Date(ms)),
  name: account.name,
  time_zone: account.timeZone,
  cycle_day: account.cycleDay,
  notification_emails: account.notificationEmails,
  created_at: new Date(account.createdAtMs),
  credits_from: new Date(account.creditsFromMs),
  last_seq: account.recorded.lastSeq,
  recorded_quantity: account.recorded.quantity.toString(),
  recorded_credits_micro: account.recorded.creditsMicro.toString(),
  closed_at: account.closedAtMs,
  erased_at: account.erasedAtMs,
};

/** The whole gateway, over an account with 1,000 workflows and 100,000 events. */
export async function startWithDatabase(): Promise<{
  readonly port: number;
  readonly accountId: string;
  readonly close: () => Promise<void>;
}> {
  const clock = new SystemClock();
  const gateway = await startBenchGateway(clock);
  await createHardware(gateway);
  const { id, accountId } = await createAccount(gateway, 'graphql');
  await fillAccount(gateway, { id, accountId }, { events: EVENTS, nowMs: clock.nowMs() });
  await settle(gateway);
  return {
    port: Number(new URL(gateway.origin).port),
    accountId: id,
    close: () => gateway.close(),
  };
}
