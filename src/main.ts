import { entities, migrations } from '../ormconfig.ts';
import type { PortalTokenService } from './access/portal-tokens.service.ts';
import { createApp } from './app.ts';
import { BackgroundFailures } from './background.ts';
import { findDemoAccount, type SeededAccount, seedDemo, type SeedOptions } from './cli/seed.ts';
import { loadConfig, type Config, type LoginUrls } from './config.ts';
import { demoTokens } from './demo-token.ts';
import { ConfigError } from './environment.ts';
import { SystemClock } from './core/clock.ts';
import { GatewayError, UnavailableError } from './core/errors.ts';
import { openDatabase, type Database, type ReplicaPoolOptions } from './db/database.ts';
import { startEmbedded } from './db/embedded.ts';
import { EmbeddedDatabaseError } from './db/embedded-runner.ts';
import { startJobs } from './db/job-runner.ts';
import { keepTime } from './db/keep-time.ts';
import { loginOf, loginUrl, requireHarmlessLogins, sameLoginAt } from './db/login.ts';
import { migrate } from './db/migrate.ts';
import { replicaSentences } from './db/replica.ts';
import { resealedSentence, resealSecrets } from './partners/reseal.service.ts';
import { secretBox } from './partners/secret-box.service.ts';
import { reasonOutOfReach } from './db/trouble.ts';
import { BuiltPages } from './http/built-pages.ts';
import { DEMO_PATH } from './http/pages.ts';
import { eventRate } from './http/rates.ts';
import { openSharedCounters } from './http/shared-counters.ts';
import { startServer } from './server.ts';
import { StatementKeys } from './statements/keys.service.ts';
import { keepKeys } from './made-keys.ts';
import { webhookKeys } from './webhook-key.ts';
import { welcome } from './welcome.ts';

const DATABASE_NAME = 'billing_gateway';
/** They spend most of their time waiting for others. */
const JOBS_AT_A_TIME = 30;

const failures = new BackgroundFailures((line) => process.stderr.write(`${line}\n`));
// When nobody reads stderr any more, that is no fault to report.
process.stderr.on('error', () => undefined);

/** Stopping never takes longer. What hangs is cut off; nothing that was answered is lost. */
const STOP_WITHIN_MS = 10_000;
/** The part of it that servers and jobs may use to finish their work, and each of the other steps except the last. */
const WORK_STOPS_WITHIN_MS = 6_500;
const STEP_STOPS_WITHIN_MS = 1_000;
const JOBS_STOP_WITHIN_MS = 5_000;

/** What was started, in order. It is stopped in reverse order. */
class Started {
  private readonly stops: { readonly stop: () => Promise<unknown>; readonly withinMs: number }[] =
    [];
  private stopping: Promise<unknown> | null = null;

  add(stop: () => Promise<unknown>, withinMs = STEP_STOPS_WITHIN_MS): void {
    this.stops.push({ stop, withinMs });
  }

  /** Stops everything, once, even if called again. */
  async stop(): Promise<void> {
    this.stopping ??= Promise.race([this.stopEach(), pause(STOP_WITHIN_MS)]);
    await this.stopping;
  }

  private async stopEach(): Promise<void> {
    for (const { stop, withinMs } of this.stops.reverse()) {
      await Promise.race([stop().catch(failures.onError), pause(withinMs)]);
    }
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  failures.guard(process);
  const started = new Started();
  const end = (status: number): void => {
    started.stop().then(
      () => process.exit(status),
      (error: unknown) => {
        fail(error);
      },
    );
  };
  process.once('SIGTERM', () => {
    end(0);
  });
  process.once('SIGINT', () => {
    end(0);
  });
  try {
    await start(config, started);
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function start(config: Config, started: Started): Promise<void> {
  const { database, url } = await openMigrated(config, await databaseUrl(config, started), started);
  const clock = await startClock(database, started);
  const { ingestWindowDays, ingestAheadSeconds, accountDefaults } = config;
  const { onError } = failures;
  const webhooks = {
    secretKeys: await readyWebhookKeys(config, database, clock),
    allowLoopback: config.webhookAllowLoopback,
  };
  const counters =
    config.redisUrl === null ? null : openSharedCounters(config.redisUrl, failures.onError);
  started.add(() => Promise.resolve(counters?.close()));
  const app = createApp({
    database,
    clock,
    ingestWindowDays,
    ingestAheadSeconds,
    accountDefaults,
    mail: { smtpUrl: config.smtpUrl, from: config.emailFrom, publicUrl: config.publicUrl },
    webhooks,
    issuerName: config.issuerName,
    providerName: config.providerName,
    publisherName: config.publisherName,
    jwt: config.jwt,
    retention: config.retention,
    takeEvents: eventRate(config.eventRate, counters?.counterOf),
    onError,
  });
  started.add(() => app.close());
  const demo = await readyDemo(config, {
    seed: { database, clock, webhookKeys: webhooks.secretKeys },
    tokens: app.portalTokens,
  });
  // After the long part of a first start: a kill before must not lose a secret that is printed only once.
  const { secret } = await app.keys.ensureOperatorKey(config.bootstrapOperatorKey);
  const keys = { operatorSecret: secret, demo: demo.made };
  const keysFile = process.stdout.isTTY ? null : await keepKeys(config.dataDir, keys);
  app.start();
  const pages = new BuiltPages();
  const server = await startServer({
    app,
    database,
    clock,
    http: config.http,
    sharedCounterOf: counters?.counterOf,
    pages,
    demoToken: demo.token,
    backgroundFailures: failures.counts,
  });
  const jobs = await startJobs({
    url,
    tasks: app.tasks,
    concurrency: JOBS_AT_A_TIME,
    onError,
    timing: { stopWithinMs: JOBS_STOP_WITHIN_MS },
  });
  started.add(() => Promise.all([server.close(), jobs.stop()]), WORK_STOPS_WITHIN_MS);
  const address = await server.listen({ port: config.port, host: config.host });
  preparePages(pages);
  process.stdout.write(welcome({ address, keys, keysFile, usagePath: await usagePathOf(demo) }));
}

async function startClock(database: Database, started: Started): Promise<SystemClock> {
  const clock = new SystemClock();
  const time = await keepTime(clock, database, (line) => {
    process.stderr.write(`${line}\n`);
  });
  started.add(() => {
    time.stop();
    return Promise.resolve();
  });
  return clock;
}

interface Demo {
  readonly made: readonly SeededAccount[];
  /** A token that opens it; undefined: there is no demo. */
  readonly token?: () => Promise<string>;
}

/** Makes the demo accounts, if there shall be any, and finds the one to show. */
async function readyDemo(
  { seedDemo: isWanted }: Config,
  { seed, tokens }: { readonly seed: SeedOptions; readonly tokens: PortalTokenService },
): Promise<Demo> {
  if (!isWanted) return { made: [] };
  const made = await seedDemo(seed);
  const accountId = await findDemoAccount(seed);
  if (accountId === null) return { made };
  return { made, token: demoTokens({ tokens, clock: seed.clock, accountId }) };
}

/** What a person opens first: on a terminal with a token, elsewhere without, since that is a log that others keep. */
async function usagePathOf({ token }: Demo): Promise<string> {
  if (token === undefined) return '/usage';
  if (!process.stdout.isTTY) return DEMO_PATH;
  return token().then(
    (text) => `/usage#token=${text}`,
    () => DEMO_PATH,
  );
}

/** Builds them beside everything else, if they need it. */
function preparePages(pages: BuiltPages): void {
  pages.prepare().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`The pages could not be built: ${reason}\n`);
  });
}

/** The keys of webhook secrets. Of several the first has sealed all secrets when this ends. */
async function readyWebhookKeys(
  config: Config,
  database: Database,
  clock: SystemClock,
): Promise<readonly Buffer[]> {
  const keys = await webhookKeys(config);
  const box = secretBox(keys);
  if (box === null) {
    process.stderr.write(
      'WEBHOOK_SECRET_KEY is not set: no webhooks can be set up or sent, and no statements are issued.\n',
    );
  } else if (keys.length > 1) {
    await new StatementKeys({ database, clock, box }).reseal();
    const resealed = await resealSecrets(database, box, clock.nowMs());
    process.stderr.write(`${resealedSentence(resealed)}\n`);
  }
  return keys;
}

/** Migrates as the owner and opens the pools as their logins. @returns the address for jobs too */
async function openMigrated(
  config: Config,
  ownerUrl: string,
  started: Started,
): Promise<{ readonly database: Database; readonly url: string }> {
  try {
    const logins = await migrated(config, ownerUrl);
    const { databasePoolSize: poolSize, databasePrepares: prepares } = config;
    const replica = replicaOf(config, logins);
    const database = await openDatabase({ ...logins, poolSize, prepares, entities, replica });
    started.add(() => database.close());
    await requireHarmlessLogins(database);
    return { database, url: logins.listenUrl };
  } catch (error) {
    const reason = reasonOutOfReach(error);
    if (reason === null || config.databaseUrl === null) throw error;
    throw new UnavailableError(`The database of DATABASE_URL cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

/** The read replica, on which the same logins are. */
function replicaOf(
  { databaseReadUrl }: Config,
  { url, operatorUrl }: LoginUrls,
): ReplicaPoolOptions | undefined {
  if (databaseReadUrl === null) return undefined;
  return {
    url: sameLoginAt(databaseReadUrl, url),
    operatorUrl: sameLoginAt(databaseReadUrl, operatorUrl),
    onChange: (state) => {
      process.stderr.write(`${replicaSentences[state]}\n`);
    },
  };
}

/** Migrates, and makes the logins unless they are given. @returns the addresses of both */
async function migrated(
  { databaseUrl, databaseLogins }: Config,
  ownerUrl: string,
): Promise<LoginUrls> {
  if (databaseUrl !== null && databaseLogins !== null) {
    await migrate({ url: ownerUrl, migrations });
    return databaseLogins;
  }
  const accounts = loginOf(ownerUrl, 'billing_gateway');
  const operators = loginOf(ownerUrl, 'billing_operator');
  await migrate({ url: ownerUrl, migrations, logins: [accounts, operators] });
  const url = loginUrl(ownerUrl, accounts);
  return { url, operatorUrl: loginUrl(ownerUrl, operators), listenUrl: url };
}

async function databaseUrl(config: Config, started: Started): Promise<string> {
  if (config.databaseUrl !== null) return config.databaseUrl;
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    databaseName: DATABASE_NAME,
    log: () => undefined,
  });
  // Started first, so stopped last: it may use all the remaining time.
  started.add(() => embedded.stop(), STOP_WITHIN_MS);
  return embedded.url;
}

// What the operator can fix is one sentence; a fault of ours has its stack.
function fail(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    process.stderr.write(
      'The port is taken by another program; set PORT to a free one (0 takes any).\n',
    );
    process.exit(1);
  }
  const isToMend =
    error instanceof ConfigError ||
    error instanceof GatewayError ||
    error instanceof EmbeddedDatabaseError;
  const stack = error instanceof Error ? error.stack : undefined;
  process.stderr.write(`${isToMend ? error.message : (stack ?? String(error))}\n`);
  process.exit(1);
}

main().catch(fail);
