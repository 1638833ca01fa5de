// A whole gateway under test: its own database, its own HTTP server, and a clock that stands still until it is moved.

import type { Operation } from '@billing-gateway/client/operations';
import type { FastifyInstance } from 'fastify';
import supertest from 'supertest';
import { entities } from '../../ormconfig.ts';
import {
  createApp,
  type App,
  type AppOptions,
  type MailOptions,
  type WebhookOptions,
} from '../../src/app.ts';
import { type Clock, ManualClock } from '../../src/core/clock.ts';
import { type AccountDefaults, shippedDefaults } from '../../src/credits/policy.ts';
import { openDatabase, type Database, type PoolOptions } from '../../src/db/database.ts';
import type { WebhookEndpoint } from '../../src/partners/webhook.ts';
import { HTTP_DEFAULTS, type HttpOptions } from '../../src/http/options.ts';
import { type ServerDeps, startServer } from '../../src/server.ts';
import { cloneTemplate } from './databases.ts';

export { asOwner } from './databases.ts';

/** The reference asks everything at once. */
export const TEST_QUERY_COST_MAX = 900_000_000;
/** Where the clock of every test gateway stands at first: a Tuesday. */
export const TEST_NOW = '2026-03-10T12:00:00.000Z';
export const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789';

/** Figures of tests are reckoned from zero, where a test does not say otherwise. */
export const TEST_DEFAULTS: AccountDefaults = {
  ...shippedDefaults,
  policy: { lowCreditMicro: 0n, negativeLimitMicro: 0n, fineTuningMinimumMicro: 0n },
};

/** Test receivers of webhooks listen on this machine; secrets are sealed with this key. */
export const WEBHOOK_SECRET_KEY = Buffer.alloc(32, 'test key of webhooks');

export interface Answer<T> {
  readonly status: number;
  readonly data: T;
  readonly errors: readonly AnswerError[] | undefined;
}

export interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly path?: readonly (string | number)[] };
}

/** Sends an operation over HTTP, with the operator's key unless another (or none: null) is given. */
export interface Query {
  <TData, TVariables>(
    document: Operation<TData, TVariables>,
    variables: TVariables,
    key?: string | null,
  ): Promise<Answer<TData>>;
  <TData = Record<string, unknown>>(
    document: string,
    variables?: Readonly<Record<string, unknown>>,
    key?: string | null,
  ): Promise<Answer<TData>>;
}

export interface TestGateway {
  readonly app: App;
  readonly clock: ManualClock;
  readonly database: Database;
  /** The database's address as its owner, to look at tables past the gateway's role. */
  readonly databaseUrl: string;
  readonly http: ReturnType<typeof supertest>;
  readonly server: FastifyInstance;
  readonly operatorKey: string;
  readonly query: Query;
  /** Folds everything that was recorded into the rollups, as the loop of a running gateway does. */
  fold(): Promise<void>;
  /** Webhook endpoints that were disabled because their messages failed. */
  readonly disabled: WebhookEndpoint[];
  /** What went wrong in the background, since it was asked last. */
  takeFaults(): readonly unknown[];
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  /** Beside another gateway: a clock of its own, which stands there. */
  readonly now?: string;
  /** What the gateway takes for the time instead of its manual clock. */
  readonly time?: Clock;
  /** Another gateway on the same database. */
  readonly beside?: TestGateway;
  /** A migrated database of the test's own. */
  readonly databaseUrl?: string;
  readonly replica?: PoolOptions['replica'];
  readonly mail?: MailOptions;
  readonly webhooks?: Partial<WebhookOptions>;
  readonly app?: Pick<AppOptions, 'exportLimits' | 'jwt' | 'retention' | 'takeEvents'>;
  readonly http?: Partial<HttpOptions>;
  readonly server?: Pick<ServerDeps, 'overload' | 'sharedCounterOf'>;
  /** Default: TEST_DEFAULTS. */
  readonly accountDefaults?: AccountDefaults;
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const databaseUrl = await databaseFor(options);
  const clock =
    options.now === undefined && options.beside !== undefined
      ? options.beside.clock
      : new ManualClock(Date.parse(options.now ?? TEST_NOW));
  const time = options.time ?? clock;
  const database = await openDatabase({
    url: databaseUrl,
    poolSize: 6,
    entities,
    replica: options.replica,
  });
  const faults: unknown[] = [];
  const disabled: WebhookEndpoint[] = [];
  const app = createApp({
    database,
    clock: time,
    ingestWindowDays: 400,
    ingestAheadSeconds: 300,
    accountDefaults: options.accountDefaults ?? TEST_DEFAULTS,
    ...(options.mail === undefined ? {} : { mail: options.mail }),
    webhooks: {
      secretKeys: [WEBHOOK_SECRET_KEY],
      allowLoopback: true,
      onDisabled: (_tx, _account, endpoint) => {
        disabled.push(endpoint);
        return Promise.resolve();
      },
      ...options.webhooks,
    },
    ...options.app,
    onError: (error) => {
      faults.push(error);
    },
  });
  await app.keys.ensureOperatorKey(OPERATOR_KEY);
  const server = await startServer({
    app,
    database,
    clock: time,
    http: {
      ...HTTP_DEFAULTS,
      logLevel: 'silent',
      queryCostMax: TEST_QUERY_COST_MAX,
      pointRates: null,
      ...options.http,
    },
    // A slow machine refuses nothing of a test.
    overload: { connectionWaitMs: () => 0, loopDelayMs: () => 0 },
    ...options.server,
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const http = supertest(server.server);
  return {
    app,
    clock,
    database,
    databaseUrl,
    disabled,
    http,
    server,
    operatorKey: OPERATOR_KEY,
    query: async (
      document: { readonly text: string } | string,
      variables: unknown = {},
      key: string | null = OPERATOR_KEY,
    ) => {
      const request = http.post('/graphql').send({ query: textOf(document), variables });
      const response = await (key === null
        ? request
        : request.set('authorization', `Bearer ${key}`));
      const body: unknown = response.body;
      return { status: response.status, ...answerOf(body) };
    },
    fold: async () => {
      await app.folding.foldAll();
      const fault = faults.shift();
      if (fault !== undefined) throw new Error('folding failed', { cause: fault });
    },
    takeFaults: () => faults.splice(0),
    close: async () => {
      await server.close();
      await app.close();
      await database.close();
    },
  };
}

/** The code of an answer's first error, if it has one. */
export async function codeOf(answer: Promise<Answer<unknown>>): Promise<string | undefined> {
  return (await answer).errors?.[0]?.extensions.code;
}

export function textOf(document: { readonly text: string } | string): string {
  return typeof document === 'string' ? document : document.text;
}

// The types of an answer are those of the document, which codegen made; a plain text has none.
export function answerOf(body: unknown): {
  readonly data: never;
  readonly errors: readonly AnswerError[] | undefined;
} {
  return body as { data: never; errors: readonly AnswerError[] | undefined };
}

async function databaseFor({ databaseUrl, beside }: TestGatewayOptions): Promise<string> {
  return databaseUrl ?? beside?.databaseUrl ?? cloneTemplate();
}
