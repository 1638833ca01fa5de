// The statements by which gateways take jobs, write their outcomes and free those of gateways that are gone. They are on
// graphile-worker's tables.

import { sql, type Sql, unnested } from './sql.ts';

/** A job that a gateway has taken. */
export interface TakenJob {
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
}

/** Takes due jobs for a gateway, the earliest first. @returns rows of id, task and payload */
export function take(workerId: string, tasks: readonly string[], limit: number): Sql {
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

/**
 * Writes the outcomes of jobs: the error of each, or null. If a job was freed meanwhile, because this gateway was silent for long,
 * another gateway writes its outcome. Attempts are e, e^2, ... e^10 seconds apart, as in graphile-worker.
 */
export function end(workerId: string, jobs: readonly (readonly [TakenJob, string | null])[]): Sql {
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

/** Notes that a gateway is there. */
export function heartbeat(workerId: string): Sql {
  return sql`/* jobs.heartbeat */ insert into job_worker (worker_id, seen_at) values (${workerId}, clock_timestamp())
  on conflict (worker_id) do update set seen_at = excluded.seen_at`;
}

/**
 * Frees the jobs of silent gateways, and those of this one that it does not know of, because the answer to taking them was
 * lost. A lock younger than the silence is left alone: its holder may not have had its first heartbeat yet, or the
 * answer is on its way. Being killed is no failure of the job: an attempt that was its last is given back.
 */
export function freeForgotten(
  workerId: string,
  jobIds: readonly string[],
  silentAfterMs: number,
): Sql {
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

/**
 * A job that is written again while it runs, or when its attempts are used up, leaves its old row behind, without a key and
 * without attempts. The row is deleted when that run ends well. Otherwise it would stay for ever.
 */
export function removeReplaced(): Sql {
  return sql`/* jobs.removeReplaced */ delete from graphile_worker._private_jobs
  where key is null and attempts >= max_attempts and locked_at is null`;
}

/** Frees the jobs of a gateway that stops. */
export function leave(workerId: string): Sql {
  return sql`/* jobs.leave */ with left_alone as (
    update graphile_worker._private_jobs
    set locked_at = null, locked_by = null, attempts = least(attempts, max_attempts - 1) where locked_by = ${workerId}
  )
  delete from job_worker where worker_id = ${workerId}`;
}
