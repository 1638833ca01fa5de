import { rowsByAccount, accountOf } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { at, int, text } from '../db/decode.ts';
import { raw, sql, type Sql, unnested } from '../db/sql.ts';
import type { Retention } from './retention.ts';

/** Which of the oldest rows to delete. */
export interface PruneStep {
  /** Written at this instant or before. */
  readonly untilMs: number;
  readonly limit: number;
}

interface PrunedTable {
  readonly name: Sql;
  readonly id: Sql;
  readonly idType: string;
  readonly writtenAt: Sql;
  /** Whether nothing more happens to a row. */
  readonly hasEnded: (untilMs: number) => Sql;
}

const isSent = (): Sql => sql`status <> 'PENDING'`;

const tables: Readonly<Record<Exclude<keyof Retention, 'jobsDays'>, PrunedTable>> = {
  deliveriesDays: {
    name: raw('webhook_delivery'),
    id: raw('delivery_id'),
    idType: 'bigint',
    writtenAt: raw('created_at'),
    hasEnded: isSent,
  },
  emailsDays: {
    name: raw('email'),
    id: raw('email_id'),
    idType: 'bigint',
    writtenAt: raw('created_at'),
    hasEnded: isSent,
  },
  exportsDays: {
    name: raw('export_run'),
    id: raw('run_id'),
    idType: 'uuid',
    writtenAt: raw('started_at'),
    // One that is not written of any more has lost its gateway.
    hasEnded: (untilMs) => sql`(state <> 'RUNNING' or seen_at <= ${at(untilMs)})`,
  },
  auditDays: {
    name: raw('audit_entry'),
    id: raw('entry_id'),
    idType: 'bigint',
    writtenAt: raw('at'),
    hasEnded: () => sql`true`,
  },
};

/** "reta" */
const PRUNING_LOCK = 0x72657461;

/** Whether this gateway is the one that prunes until the transaction ends. */
export async function lockPruning(tx: Tx): Promise<boolean> {
  const rows = await tx.query(
    sql`/* retention.lockPruning */ select from (select pg_try_advisory_xact_lock(${PRUNING_LOCK}) as is_ours) l where is_ours`,
  );
  return rows.length > 0;
}

/** Deletes the oldest rows of one kind, in a transaction that spans accounts. @returns how many */
export async function prune(tx: Tx, kind: keyof Retention, step: PruneStep): Promise<number> {
  return kind === 'jobsDays' ? pruneJobs(tx, step) : pruneRows(tx, tables[kind], step);
}

async function pruneRows(
  tx: Tx,
  table: PrunedTable,
  { untilMs, limit }: PruneStep,
): Promise<number> {
  const { name, id, idType, writtenAt } = table;
  const hasEnded = table.hasEnded(untilMs);
  const found =
    await tx.query(sql`/* retention.findOldest */ select account_id, ${id}::text as id from ${name}
     where ${writtenAt} <= ${at(untilMs)} and ${hasEnded} order by ${writtenAt} limit ${limit}`);
  if (found.length === 0) return 0;
  const oldest = found.map((row) => ({ accountId: int(row, 'account_id'), id: text(row, 'id') }));
  // What was begun anew meanwhile, as a message is that is sent again, has not ended: so that is asked again.
  const deleted = await rowsByAccount(tx, oldest, (rows) =>
    tx.query(sql`/* retention.deleteOldest */ delete from ${name} t
     using ${unnested(rows, { account_id: ['int', (row) => row.accountId], old_id: [idType, (row) => row.id] }, { as: 'o' })}
     where t.account_id = ${accountOf(tx, rows, sql`o.account_id`)} and t.${id} = o.old_id and ${hasEnded} returning t.account_id`),
  );
  return deleted.length;
}

// Jobs that have run are deleted when they end (db/job-runner.ts). They are no account's, and few: no index finds the others.
async function pruneJobs(tx: Tx, { untilMs, limit }: PruneStep): Promise<number> {
  const hasFailed = sql`attempts >= max_attempts and locked_at is null`;
  const deleted =
    await tx.query(sql`/* retention.deleteJobs */ delete from graphile_worker._private_jobs where id in (
       select id from graphile_worker._private_jobs where ${hasFailed} and updated_at <= ${at(untilMs)} limit ${limit})
     and ${hasFailed} returning id`);
  return deleted.length;
}
