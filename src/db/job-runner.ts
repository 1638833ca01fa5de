// Runs the jobs that jobs.ts writes: takes due jobs, as many as there are free slots, runs their tasks in parallel,
// and writes the outcomes. Jobs are taken and written in turns, one turn at a time on one connection, so that
// everything that ends meanwhile shares the next turn's statements.
//
// No error ends the runner: it reports what it could not write or take, and tries again at the next turn. A gateway that
// dies leaves its jobs locked. So each gateway sends a heartbeat every few seconds. It frees the jobs of gateways that have
// fallen silent, and those locked in its own name that it does not know of.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { invariant } from '../core/errors.ts';
import { instantColumn } from './columns.ts';
import { Connection, sessionOptions } from './connection.ts';
import { type Row, text } from './decode.ts';
import type { Task } from './jobs.ts';
import { Listener } from './listener.ts';
import { sql, type Sql, unnested } from './sql.ts';

/** One for the turns, one for the heartbeat; a third listens. */
const POOL_SIZE = 2;
const APPLICATION_NAME = 'billing-gateway-jobs';
const LAST_ERROR_LENGTH_MAX = 2_000;

export interface JobTiming {
  /** How often a gateway writes its heartbeat and looks for gateways without one. */
  readonly heartbeatMs: number;
  /** The silence after which a gateway counts as dead: several heartbeats. With `heartbeatMs`, less than a minute. */
  readonly silentAfterMs: number;
  /** How often to look for due jobs without a notification: postponed and freed ones. */
  readonly pollMs: number;
  /** How long stopping waits for running jobs. Those that do not end run again, on another gateway or later. */
  readonly stopWithinMs: number;
}

const TIMING: JobTiming = {
  heartbeatMs: 10_000,
  silentAfterMs: 40_000,
  pollMs: 2_000,
  stopWithinMs: 8_000,
};

export interface JobsOptions {
  /** The database. Jobs are taken as the gateway's role, on three separate connections. */
  readonly url: string;
  readonly tasks: readonly Task[];
  /** Jobs that run at the same time. */
  readonly concurrency: number;
  /** Receives errors of failing tasks and of an unreachable database; both are tried again. */
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
  const runner = new JobRunner(options);
  await runner.start();
  return runner;
}

/** A job that this gateway has taken. */
interface TakenJob {
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
}

class JobRunner {
  private readonly workerId = `pool-${randomUUID()}`;
  private readonly tasks: ReadonlyMap<string, Task>;
  private readonly timing: JobTiming;
  private readonly pool: pg.Pool;
  private listener: Listener | null = null;
  /** Taken, and the outcome is not yet written. */
  private readonly underWay = new Set<TakenJob>();
  /** Outcomes to be written: the error of each job, or null. */
  private readonly ended = new Map<TakenJob, string | null>();
  private timers: readonly NodeJS.Timeout[] = [];
  private turning: Promise<void> | null = null;
  private isTurnWanted = false;
  private beating: Promise<void> | null = null;
  /** No more jobs are taken. */
  private isStopping = false;
  /** No more outcomes are written of jobs that still run. */
  private isOver = false;
  private onIdle: () => void = () => undefined;

  constructor(private readonly options: JobsOptions) {
    this.tasks = new Map(options.tasks.map((task) => [task.name, task]));
    this.timing = { ...TIMING, ...options.timing };
    this.pool = new pg.Pool({
      connectionString: options.url,
      max: POOL_SIZE,
      application_name: APPLICATION_NAME,
      options: sessionOptions('billing_gateway'),
      Client: Connection,
    });
    // A broken connection is replaced; the statement that ran on it reports the failure.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async start(): Promise<void> {
    try {
      await this.beat();
    } catch (error) {
      await this.pool.end();
      throw error;
    }
    const turn = this.turn.bind(this);
    this.listener = new Listener({
      url: this.options.url,
      applicationName: APPLICATION_NAME,
      channel: 'jobs:insert',
      onNotice: turn,
      onListening: turn,
    });
    this.timers = [
      setInterval(turn, this.timing.pollMs),
      setInterval(() => {
        this.beating ??= this.beat()
          .catch(this.options.onError)
          .finally(() => {
            this.beating = null;
          });
      }, this.timing.heartbeatMs),
    ];
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.listener?.stop();
    await this.untilIdle(this.timing.stopWithinMs);
    for (const timer of this.timers) clearInterval(timer);
    this.isOver = true;
    await Promise.all([this.turning, this.beating]);
    await this.pool.query(leave(this.workerId)).catch(this.options.onError);
    await this.pool.end();
  }

  private untilIdle(withinMs: number): Promise<void> {
    if (this.underWay.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onIdle = resolve;
      setTimeout(resolve, withinMs).unref();
    });
  }

  private turn(): void {
    if (this.isOver) return;
    this.isTurnWanted = true;
    this.turning ??= this.turns().finally(() => {
      this.turning = null;
      if (this.isTurnWanted) this.turn();
    });
  }

  private async turns(): Promise<void> {
    try {
      while (this.isTurnWanted) {
        this.isTurnWanted = false;
        await this.writeEnded();
        await this.take();
      }
    } catch (error) {
      this.options.onError(error);
    }
  }

  private async writeEnded(): Promise<void> {
    const jobs = [...this.ended];
    if (jobs.length === 0) return;
    await this.pool.query(end(this.workerId, jobs));
    for (const [job] of jobs) {
      this.ended.delete(job);
      this.underWay.delete(job);
    }
    if (this.underWay.size === 0) this.onIdle();
  }

  private async take(): Promise<void> {
    const free = this.options.concurrency - this.underWay.size;
    if (this.isStopping || free === 0) return;
    const { rows } = await this.pool.query<Row>(take(this.workerId, [...this.tasks.keys()], free));
    for (const row of rows) {
      this.begin({ id: text(row, 'id'), task: text(row, 'task'), payload: row['payload'] });
    }
  }

  private begin(job: TakenJob): void {
    // Notifications that arrive while stopping are left to other gateways.
    if (this.isStopping) return;
    this.underWay.add(job);
    void this.run(job);
  }

  private async run(job: TakenJob): Promise<void> {
    const task = this.tasks.get(job.task);
    let failure: string | null = null;
    try {
      invariant(task !== undefined, 'only jobs of known tasks are taken', { task: job.task });
      await task.run(job.payload);
    } catch (error) {
      failure = String(error).slice(0, LAST_ERROR_LENGTH_MAX);
      this.options.onError(error);
    }
    this.ended.set(job, failure);
    this.turn();
  }

  private async beat(): Promise<void> {
    const jobIds = [...this.underWay].map(({ id }) => id);
    await this.pool.query(heartbeat(this.workerId));
    await this.pool.query(freeForgotten(this.workerId, jobIds, this.timing.silentAfterMs));
    await this.pool.query(removeReplaced());
  }
}

function take(workerId: string, tasks: readonly string[], limit: number): Sql {
  return sql`/* jobs.take */ with due as (
    select id from graphile_worker._private_jobs
    where is_available = true and run_at <= now()
      and task_id in (select id from graphile_worker._private_tasks where identifier = any(${tasks}::text[]))
    order by priority, run_at, id limit ${limit} for update skip locked
  )
  update graphile_worker._private_jobs j set attempts = j.attempts + 1, locked_by = ${workerId}, locked_at = clock_timestamp()
  from due, graphile_worker._private_tasks t where j.id = due.id and t.id = j.task_id
  returning j.id, t.identifier as task, j.payload`;
}

// If a job was freed meanwhile, because this gateway was silent for long, another gateway writes its outcome.
// Attempts are e, e^2, ... e^10 seconds apart, as in graphile-worker.
function end(workerId: string, jobs: readonly (readonly [TakenJob, string | null])[]): Sql {
  return sql`/* jobs.end */ with ended as (
    select * from ${unnested(jobs, {
      id: ['bigint', ([{ id }]) => id],
      error: ['text', ([, error]) => error],
    })}
  ), done as (
    delete from graphile_worker._private_jobs j using ended e where j.id = e.id and j.locked_by = ${workerId} and e.error is null
  )
  update graphile_worker._private_jobs j set last_error = e.error, locked_at = null, locked_by = null, updated_at = now(),
    run_at = greatest(now(), j.run_at) + exp(least(j.attempts, 10)) * interval '1 second'
  from ended e where j.id = e.id and j.locked_by = ${workerId} and e.error is not null`;
}

function heartbeat(workerId: string): Sql {
  return sql`/* jobs.heartbeat */ insert into job_worker (worker_id, seen_at) values (${workerId}, clock_timestamp())
  on conflict (worker_id) do update set seen_at = excluded.seen_at`;
}

// The jobs of silent gateways, and those of this one that it does not know of, because the answer to taking them was
// lost. A lock younger than the silence is left alone: its holder may not have had its first heartbeat yet, or the
// answer is on its way. Being killed is no failure of the job: an attempt that was its last is given back.
function freeForgotten(workerId: string, jobIds: readonly string[], silentAfterMs: number): Sql {
  return sql`/* jobs.freeForgotten */ with silence as (
    select clock_timestamp() - make_interval(secs => ${silentAfterMs} / 1000.0) as since
  ), forgotten as (
    delete from job_worker using silence where seen_at < silence.since - interval '1 day'
  )
  update graphile_worker._private_jobs j
  set locked_at = null, locked_by = null, attempts = least(attempts, max_attempts - 1) from silence
  where j.locked_at < silence.since and case when j.locked_by = ${workerId} then j.id <> all(${jobIds}::bigint[]) else not exists (
    select from job_worker w where w.worker_id = j.locked_by and w.seen_at >= silence.since
  ) end`;
}

// A job that is written again while it runs, or when its attempts are used up, leaves its old row behind, without a key and
// without attempts. The row is deleted when that run ends well. Otherwise it would stay for ever.
function removeReplaced(): Sql {
  return sql`/* jobs.removeReplaced */ delete from graphile_worker._private_jobs
  where key is null and attempts >= max_attempts and locked_at is null`;
}

function leave(workerId: string): Sql {
  return sql`/* jobs.leave */ with left_alone as (
    update graphile_worker._private_jobs
    set locked_at = null, locked_by = null, attempts = least(attempts, max_attempts - 1) where locked_by = ${workerId}
  )
  delete from job_worker where worker_id = ${workerId}`;
}
