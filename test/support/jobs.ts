// Runs the jobs that are due by a test gateway's clock, as a running gateway does by the database's.

import { asOwner, type TestGateway } from './gateway.ts';
import { sql } from '../../src/db/sql.ts';

/** How many jobs a turn may run before it is taken for endless. */
const JOBS_MAX = 2_000;

/** Runs what is due by the gateway's clock, and what becomes due meanwhile. @returns how many jobs ran */
export async function runDueJobs(gateway: TestGateway): Promise<number> {
  for (let ran = 0; ; ran += 1) {
    const job = await takeJob(gateway);
    if (job === null) return ran;
    if (ran >= JOBS_MAX) throw new Error(`more than ${JOBS_MAX} jobs were due`);
    const task = gateway.app.tasks.find(({ name }) => name === job.task);
    if (task === undefined) throw new Error(`no task does ${job.task}`);
    await task.run(job.payload);
  }
}

/** When the jobs that wait are due, epoch ms, earliest first. */
export async function dueTimes(gateway: TestGateway): Promise<readonly number[]> {
  const rows = await asOwner(
    gateway.databaseUrl,
    'select run_at from graphile_worker._private_jobs order by run_at',
  );
  return rows.map((row) => (row['run_at'] instanceof Date ? row['run_at'].getTime() : Number.NaN));
}

/** A job that is due, taken out of the queue. */
async function takeJob(
  gateway: TestGateway,
): Promise<{ readonly task: string; readonly payload: unknown } | null> {
  const [row] = await asOwner(
    gateway.databaseUrl,
    sql`with due as (
       select id from graphile_worker._private_jobs where run_at <= ${new Date(gateway.clock.nowMs())} and locked_at is null order by run_at, id limit 1
     ), taken as (
       delete from graphile_worker._private_jobs where id in (select id from due) returning task_id, payload
     )
     select t.identifier as task, taken.payload from taken join graphile_worker._private_tasks t on t.id = taken.task_id`,
  );
  return row === undefined ? null : { task: String(row['task']), payload: row['payload'] };
}
