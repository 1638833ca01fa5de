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
import {
  end,
  freeForgotten,
  heartbeat,
  leave,
  removeReplaced,
  take,
  type TakenJob,
} from './job-statements.ts';
import type { Task } from './jobs.ts';
import { Listener } from './listener.ts';

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
