import { entities, migrations } from '../ormconfig.ts';
import { createApp, type App } from './app.ts';
import { BackgroundFailures } from './background.ts';
import { seedDemo, type SeededAccount } from './cli/seed.ts';
import { ConfigError, loadConfig, type Config } from './config.ts';
import { SystemClock } from './core/clock.ts';
import { GatewayError, UnavailableError } from './core/errors.ts';
import { openDatabase, type Database } from './db/database.ts';
import { startEmbedded } from './db/embedded.ts';
import { EmbeddedDatabaseError } from './db/embedded-runner.ts';
import { startJobs } from './db/job-runner.ts';
import { keepTime } from './db/keep-time.ts';
import { migrate } from './db/migrate.ts';
import { reasonOutOfReach } from './db/trouble.ts';
import { openDoors } from './doors.ts';
import { webhookKey } from './webhook-key.ts';
import { welcome } from './welcome.ts';

const DATABASE_NAME = 'billing_gateway';
/** They wait for others most of the time. */
const JOBS_AT_A_TIME = 30;

const failures = new BackgroundFailures((line) => process.stderr.write(`${line}\n`));
// Where nobody reads it any more, it is no fault to tell.
process.stderr.on('error', () => undefined);

/** What was started, in order; it is stopped the other way round. */
class Started {
  private readonly stops: (() => Promise<void>)[] = [];
  private stopping: Promise<void> | null = null;

  add(stop: () => Promise<void>): void {
    this.stops.push(stop);
  }

  /** Stops everything once, whoever asks. */
  async stop(): Promise<void> {
    this.stopping ??= (async () => {
      for (const stop of this.stops.reverse()) await stop();
    })();
    await this.stopping;
  }
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
  const url = await databaseUrl(config, started);
  const database = await openMigrated(config, url);
  started.add(() => database.close());
  const clock = new SystemClock();
  const time = await keepTime(clock, database, (line) => {
    process.stderr.write(`${line}\n`);
  });
  started.add(() => {
    time.stop();
    return Promise.resolve();
  });
  const { ingestWindowDays, ingestAheadSeconds, accountDefaults } = config;
  const { onError } = failures;
  const webhooks = {
    secretKey: await webhookKey(config),
    allowLoopback: config.webhookAllowLoopback,
  };
  if (webhooks.secretKey === null) {
    process.stderr.write('WEBHOOK_SECRET_KEY is not set: no webhooks can be set up or sent.\n');
  }
  const app = createApp({
    database,
    clock,
    ingestWindowDays,
    ingestAheadSeconds,
    accountDefaults,
    mail: { smtpUrl: config.smtpUrl, from: config.emailFrom },
    webhooks,
    onError,
  });
  started.add(() => app.close());
  const demo = config.seedDemo
    ? await seedDemo({ database, clock, webhookKey: webhooks.secretKey })
    : [];
  // After the long part of a first start: a kill in between must not lose a secret that is printed once.
  const { secret } = await app.keys.ensureOperatorKey(config.bootstrapOperatorKey);
  app.start();
  const jobs = await startJobs({ url, tasks: app.tasks, concurrency: JOBS_AT_A_TIME, onError });
  started.add(() => jobs.stop());
  await listen(config, app, { database, clock, started, operatorSecret: secret, demo });
}

async function openMigrated(config: Config, url: string): Promise<Database> {
  try {
    await migrate({ url, migrations });
    return await openDatabase({ url, poolSize: config.databasePoolSize, entities });
  } catch (error) {
    const reason = reasonOutOfReach(error);
    if (reason === null || config.databaseUrl === null) throw error;
    throw new UnavailableError(`The database of DATABASE_URL cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

interface Running {
  readonly database: Database;
  readonly clock: SystemClock;
  readonly started: Started;
  readonly operatorSecret: string | null;
  readonly demo: readonly SeededAccount[];
}

async function listen(config: Config, app: App, running: Running): Promise<void> {
  const { database, clock, started, operatorSecret, demo } = running;
  const server = await openDoors({
    app,
    database,
    clock,
    logLevel: config.logLevel,
    backgroundFailures: failures.counts,
  });
  started.add(() => server.close());
  const address = await server.listen({ port: config.port, host: config.host });
  process.stdout.write(welcome({ address, operatorSecret, demo }));
}

async function databaseUrl(config: Config, started: Started): Promise<string> {
  if (config.databaseUrl !== null) return config.databaseUrl;
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    databaseName: DATABASE_NAME,
    log: () => undefined,
  });
  started.add(() => embedded.stop());
  return embedded.url;
}

// What the one who starts the gateway can mend is said in a sentence; a fault of ours with its stack.
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
