import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  bigOrNull,
  int,
  ms,
  msOrNull,
  oneOf,
  type Row,
  text,
  textOrNull,
} from '../db/decode.ts';
import { raw, sql } from '../db/sql.ts';
import { exportFormats, exportNames } from './request.ts';
import { type ExportRun, LOST_AFTER_SECONDS, type RunState, runStates, type Sent } from './run.ts';

@Entity('export_run')
export class ExportRunRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'run_id', type: 'uuid' }) runId!: string;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'format', type: 'text' }) format!: string;
  @Column({ name: 'state', type: 'text' }) state!: RunState;
  @Column({ name: 'from_at', ...instantColumn }) fromMs!: number;
  @Column({ name: 'to_at', ...instantColumn }) toMs!: number;
  @Column({ name: 'rows', ...sequenceColumn }) rows!: number;
  @Column({ name: 'bytes', ...sequenceColumn }) bytes!: number;
  @Column({ name: 'credits_micro', ...bigintColumn, type: 'numeric', nullable: true })
  creditsMicro!: bigint | null;
  @Column({ name: 'sha256', type: 'text', nullable: true }) sha256!: string | null;
  @Column({ name: 'started_at', ...instantColumn }) startedAtMs!: number;
  @Column({ name: 'seen_at', ...instantColumn }) seenAtMs!: number;
  @Column({ name: 'ended_at', ...instantColumn, nullable: true }) endedAtMs!: number | null;
}

/** First key of the advisory locks on an account's exports ("expo"); the second one is the account. */
const EXPORTS_LOCK = 0x6578706f;
const LOST_BEFORE = raw(`now() - interval '${LOST_AFTER_SECONDS} seconds'`);

/** An export that begins. */
export type NewRun = Pick<ExportRun, 'runId' | 'name' | 'format' | 'fromMs' | 'toMs'>;

/** Records that an export begins. @returns false when `max` of the account run already */
export async function insertRun(
  tx: Tx,
  accountId: number,
  run: NewRun,
  max: number,
): Promise<boolean> {
  tx.later(sql`/* exports.lockRuns */ select pg_advisory_xact_lock(${EXPORTS_LOCK}, ${accountId})`);
  const rows = await tx.query(sql`/* exports.insertRun */ insert into export_run
       (account_id, run_id, name, format, state, from_at, to_at)
     select ${accountId}, ${run.runId}::uuid, ${run.name}, ${run.format}, 'RUNNING', ${at(run.fromMs)}, ${at(run.toMs)}
     where (select count(*) from export_run
       where account_id = ${accountId} and state = 'RUNNING' and seen_at > ${LOST_BEFORE}) < ${max}
     returning 1`);
  return rows.length > 0;
}

/** Notes how far an export has come, if it still runs. */
export async function updateRun(
  tx: Tx,
  accountId: number,
  runId: string,
  sent: Sent,
): Promise<void> {
  await tx.query(sql`/* exports.updateRun */ update export_run set rows = ${sent.rows}, bytes = ${sent.bytes},
       credits_micro = ${sent.creditsMicro}, seen_at = now()
     where account_id = ${accountId} and run_id = ${runId}::uuid and state = 'RUNNING'`);
}

/** Notes how an export ended. */
export async function endRun(
  tx: Tx,
  accountId: number,
  runId: string,
  end: Sent & { readonly state: RunState; readonly sha256: string | null },
): Promise<void> {
  await tx.query(sql`/* exports.endRun */ update export_run set state = ${end.state}, rows = ${end.rows},
       bytes = ${end.bytes}, credits_micro = ${end.creditsMicro}, sha256 = ${end.sha256}, seen_at = now(), ended_at = now()
     where account_id = ${accountId} and run_id = ${runId}::uuid`);
}

/** The export with an id, among those that the transaction sees; null when there is none. */
export async function findRun(tx: Tx, runId: string): Promise<ExportRun | null> {
  const rows =
    await tx.query(sql`/* exports.findRun */ select run_id, name, format, from_at, to_at, rows, bytes,
       credits_micro, sha256, started_at, ended_at,
       case when state = 'RUNNING' and seen_at <= ${LOST_BEFORE} then 'FAILED' else state end as state
     from export_run where run_id = ${runId}::uuid`);
  return rows[0] === undefined ? null : runFromRow(rows[0]);
}

function runFromRow(row: Row): ExportRun {
  return {
    runId: text(row, 'run_id'),
    name: oneOf(row, 'name', exportNames),
    format: oneOf(row, 'format', exportFormats),
    state: oneOf(row, 'state', runStates),
    fromMs: ms(row, 'from_at'),
    toMs: ms(row, 'to_at'),
    rows: int(row, 'rows'),
    bytes: int(row, 'bytes'),
    creditsMicro: bigOrNull(row, 'credits_micro'),
    sha256: textOrNull(row, 'sha256'),
    startedAtMs: ms(row, 'started_at'),
    endedAtMs: msOrNull(row, 'ended_at'),
  };
}
