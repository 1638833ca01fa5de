// Work that follows a transaction: the transactional outbox. A job is written together with its cause, or not at all. Any
// gateway runs it, at least once, so every task must be idempotent.
//
// Jobs are rows of graphile-worker's tables, written by its functions. job-runner.ts runs them.

import type { Tx } from './database.ts';
import { atOrNull } from './decode.ts';
import { sql, unnested } from './sql.ts';

/** Work to be done after the transaction. */
export interface Job {
  /** Name of the task that runs it. */
  readonly task: string;
  /** Plain JSON. */
  readonly payload: object;
  /** Real time, epoch ms; default: at once. */
  readonly runAtMs?: number;
  readonly maxAttempts?: number;
  /** Of waiting jobs with the same key only the latest is kept. */
  readonly jobKey?: string;
}

/**
 * Writes a job in the caller's transaction. graphile-worker notifies at every call, which takes a database-wide lock
 * at commit. So it is for rare work, not for every write.
 */
export async function enqueue(tx: Tx, job: Job): Promise<void> {
  await enqueueAll(tx, [job]);
}

/** Writes jobs in the caller's transaction, with one statement. */
export async function enqueueAll(tx: Tx, jobs: readonly Job[]): Promise<void> {
  await tx.query(sql`/* jobs.enqueueAll */ select from ${unnested(jobs, {
    task: ['text', (job) => job.task],
    payload: ['json', (job) => JSON.stringify(job.payload)],
    run_at: ['timestamptz', (job) => atOrNull(job.runAtMs ?? null)],
    max_attempts: ['int', (job) => job.maxAttempts ?? null],
    job_key: ['text', (job) => job.jobKey ?? null],
  })}
       cross join lateral graphile_worker.add_job(k.task, k.payload, run_at := k.run_at,
         max_attempts := k.max_attempts, job_key := k.job_key)`);
}

/** Runs the jobs of a name. It may run more than once for one job, and parses its payload itself. */
export interface Task {
  readonly name: string;
  readonly run: (payload: unknown) => Promise<void>;
}
