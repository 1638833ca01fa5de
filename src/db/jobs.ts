// Work that is promised in a transaction and done after it: the transactional outbox. A job is written together with what it
// follows from, or not at all; any gateway runs it, at least once, so every task is idempotent.
//
// A task that fails is tried again later (graphile-worker's backoff). A gateway that dies leaves its jobs locked, for four
// hours by graphile-worker's own reckoning: so each gateway says every few seconds that it lives, and frees the jobs of
// those that have fallen silent.

import { EventEmitter } from 'node:events';
import { type LogFunctionFactory, Logger, run, type Runner } from 'graphile-worker';
import pg from 'pg';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from './columns.ts';
import { GATEWAY_ROLE, type Tx } from './database.ts';
import { atOrNull, type Row, text } from './decode.ts';

/** Work to be done after the transaction. */
export interface Job {
  /** Name of the task that does it. */
  readonly task: string;
  /** Plain JSON. */
  readonly payload: object;
  /** Real time, epoch ms; default: at once. */
  readonly runAtMs?: number;
  readonly maxAttempts?: number;
  /** Of jobs with the same key that wait, only the latest is kept. */
  readonly jobKey?: string;
  /** Jobs of one queue run one after another. */
  readonly queue?: string;
}

/**
 * Writes a job in the caller's transaction. graphile-worker notifies at every call, which takes a lock over the whole
 * database at commit: for what is worth a job, not for every write.
 */
export async function enqueue(tx: Tx, job: Job): Promise<void> {
  await enqueueAll(tx, [job]);
}

/** Writes jobs in the caller's transaction, with one statement. */
export async function enqueueAll(tx: Tx, jobs: readonly Job[]): Promise<void> {
  await tx.query(
    `/* jobs.enqueueAll */ select from unnest($1::text[], $2::json[], $3::text[], $4::timestamptz[], $5::int[], $6::text[])
         as k (task, payload, queue, run_at, max_attempts, job_key)
       cross join lateral graphile_worker.add_job(k.task, k.payload, queue_name := k.queue, run_at := k.run_at,
         max_attempts := k.max_attempts, job_key := k.job_key)`,
    [
      jobs.map((job) => job.task),
      jobs.map((job) => JSON.stringify(job.payload)),
      jobs.map((job) => job.queue ?? null),
      jobs.map((job) => atOrNull(job.runAtMs ?? null)),
      jobs.map((job) => job.maxAttempts ?? null),
      jobs.map((job) => job.jobKey ?? null),
    ],
  );
}

/** What does jobs of a name. It may be run more than once for one job, and parses its payload itself. */
export interface Task {
  readonly name: string;
  readonly run: (payload: unknown) => Promise<void>;
}

export interface JobTiming {
  /** How often a gateway says that it lives, and looks for those that do not. */
  readonly heartbeatMs: number;
  /** After which silence a gateway is taken for dead; several heartbeats. With `heartbeatMs`, less than a minute. */
  readonly silentAfterMs: number;
  /** How often jobs are looked for that nobody was notified of: those that were put off, and freed ones. */
  readonly pollMs: number;
  /** How long stopping waits for the jobs under way; what is left of them is run again, by another gateway or later. */
  readonly stopWithinMs: number;
}

const TIMING: JobTiming = {
  heartbeatMs: 10_000,
  silentAfterMs: 40_000,
  pollMs: 2_000,
  stopWithinMs: 8_000,
};

export interface JobsOptions {
  /** The database; the runner works there as the gateway's role, with connections of its own. */
  readonly url: string;
  readonly tasks: readonly Task[];
  /** Jobs at a time. */
  readonly concurrency: number;
  /** Told of failing tasks and of faults of the runner; both are tried again. */
  readonly onError: (error: unknown) => void;
  readonly timing?: Partial<JobTiming>;
}

/** A gateway that runs jobs, and when it was last seen. */
@Entity('job_worker')
export class JobWorkerRow {
  @PrimaryColumn({ name: 'worker_id', type: 'text' }) workerId!: string;
  @Column({ name: 'seen_at', ...instantColumn }) seenAtMs!: number;
}

/** Runs jobs until it is stopped. The schema must have been migrated. */
export async function startJobs(options: JobsOptions): Promise<{ stop(): Promise<void> }> {
  const jobs = new RunningJobs(options);
  await jobs.start();
  return jobs;
}

class RunningJobs {
  private readonly pool: pg.Pool;
  private readonly timing: JobTiming;
  private runner: Runner | null = null;
  private workerId = '';
  private timer: NodeJS.Timeout | null = null;
  private beating: Promise<void> = Promise.resolve();
  private isStopping = false;

  constructor(private readonly options: JobsOptions) {
    this.timing = { ...TIMING, ...options.timing };
    this.pool = openPool(options.url, options.concurrency + 2);
    // A connection that breaks is replaced; what was under way on it fails and is told of there.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async start(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      await this.pool.end();
      throw error;
    }
    this.timer = setInterval(() => {
      this.beating = this.beat();
    }, this.timing.heartbeatMs);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    await this.beating;
    if (this.runner !== null) await this.stopRunner(this.runner);
    await this.pool
      .query('/* jobs.leave */ delete from job_worker where worker_id = $1', [this.workerId])
      .catch(this.options.onError);
    await this.pool.end();
  }

  private async run(): Promise<void> {
    const events = new EventEmitter();
    events.on('pool:create', ({ workerPool }: { workerPool: { id: string } }) => {
      this.workerId = workerPool.id;
    });
    events.on('job:error', ({ error }: { error: unknown }) => {
      this.options.onError(error);
    });
    const { tasks, concurrency } = this.options;
    this.runner = await run({
      pgPool: this.pool,
      concurrency,
      events,
      logger: silentLogger,
      noHandleSignals: true,
      pollInterval: this.timing.pollMs,
      taskList: Object.fromEntries(tasks.map((task) => [task.name, task.run])),
      parsedCronItems: [],
    });
    // It gives up when it cannot say for a long while that a job was done: the heartbeat starts it anew.
    this.runner.promise
      .catch((error: unknown) => {
        if (!this.isStopping) this.options.onError(error);
      })
      .finally(() => {
        this.runner = null;
      });
    await this.beat();
  }

  private async beat(): Promise<void> {
    try {
      if (this.runner === null && !this.isStopping) {
        await this.run();
        return;
      }
      await this.pool.query(HEARTBEAT, [this.workerId]);
      const { rows } = await this.pool.query<Row>(THE_DEAD, [this.timing.silentAfterMs]);
      const dead = rows.map((row) => text(row, 'locked_by'));
      if (dead.length > 0) await this.pool.query(FREE_JOBS_OF, [dead]);
    } catch (error) {
      this.options.onError(error);
    }
  }

  private async stopRunner(runner: Runner): Promise<void> {
    const stopped = runner.stop().then(
      () => true,
      () => true,
    );
    const inTime = await Promise.race([stopped, deadline(this.timing.stopWithinMs)]);
    if (!inTime) await this.pool.query(FREE_JOBS_OF, [[this.workerId]]).catch(this.options.onError);
  }
}

const HEARTBEAT = `/* jobs.heartbeat */ insert into job_worker (worker_id, seen_at) values ($1, clock_timestamp())
  on conflict (worker_id) do update set seen_at = excluded.seen_at`;

// A lock that is younger than the silence is left alone: its holder may not have had its first heartbeat yet.
const THE_DEAD = `/* jobs.theDead */ with silence as (
    select clock_timestamp() - make_interval(secs => $1 / 1000.0) as since
  ), forgotten as (
    delete from job_worker using silence where seen_at < silence.since - interval '1 day'
  )
  select distinct j.locked_by from graphile_worker._private_jobs j, silence
  where j.locked_at < silence.since
    and not exists (select from job_worker w where w.worker_id = j.locked_by and w.seen_at >= silence.since)`;

// Being killed is no failure of the job's: an attempt that was its last is given back.
const FREE_JOBS_OF = `/* jobs.freeJobsOf */ with queues as (
    update graphile_worker._private_job_queues set locked_at = null, locked_by = null where locked_by = any($1::text[])
  )
  update graphile_worker._private_jobs
  set locked_at = null, locked_by = null, attempts = least(attempts, max_attempts - 1)
  where locked_by = any($1::text[])`;

function openPool(url: string, max: number): pg.Pool {
  return new pg.Pool({
    connectionString: url,
    max,
    application_name: 'billing-gateway-jobs',
    connectionTimeoutMillis: 5_000,
    options: `-c role=${GATEWAY_ROLE} -c statement_timeout=5000 -c lock_timeout=2000 -c timezone=UTC`,
  });
}

function deadline(afterMs: number): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(resolve, afterMs, false).unref();
  });
}

const logNothing: LogFunctionFactory = () => () => undefined;
// What matters of its log comes as events and errors.
const silentLogger = new Logger(logNothing);
