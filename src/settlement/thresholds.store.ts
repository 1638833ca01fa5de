import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  bool,
  int,
  intOrNull,
  oneOf,
  type Row,
  sqlMs,
  textOrNull,
} from '../db/decode.ts';
import type { Read } from '../db/together.ts';
import {
  type ThresholdMeasure,
  thresholdMeasures,
  type Watch,
  watchMeasures,
  type WatchMeasure,
} from '../engine/watches.ts';

@Entity('watch')
export class WatchRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'watch_id', ...sequenceColumn }) watchId!: number;
  @Column({ name: 'measure', type: 'enum', enum: watchMeasures, enumName: 'watch_measure' })
  measure!: WatchMeasure;
  @Column({ name: 'value_micro', ...bigintColumn }) valueMicro!: bigint;
  @Column({ name: 'label', type: 'text', nullable: true }) label!: string | null;
  @Column({ name: 'is_reached', type: 'boolean' }) isReached!: boolean;
  @Column({ name: 'open_alert', ...sequenceColumn, nullable: true }) openAlert!: number | null;
  @Column({ name: 'last_fired_at', ...instantColumn, nullable: true }) lastFiredAtMs!:
    number | null;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'deleted_at', ...instantColumn, nullable: true }) deletedAtMs!: number | null;
}

/** A threshold that an account set. */
export interface Threshold {
  readonly accountId: number;
  readonly watchId: number;
  readonly measure: ThresholdMeasure;
  readonly valueMicro: bigint;
  readonly label: string | null;
}

/** All that is watched of some accounts, by account and id. `$1`: their ids. */
export const watchesOf: Read<Watch & { readonly accountId: number }> = {
  sql: `select account_id, watch_id, measure, value_micro::text, is_reached, open_alert,
      ${sqlMs('last_fired_at')} as last_fired_ms
    from watch where account_id = any($1) and deleted_at is null order by account_id, watch_id`,
  fromRow: (row) => ({
    accountId: int(row, 'account_id'),
    watchId: int(row, 'watch_id'),
    measure: oneOf(row, 'measure', watchMeasures),
    valueMicro: big(row, 'value_micro'),
    isReached: bool(row, 'is_reached'),
    openAlert: intOrNull(row, 'open_alert'),
    lastFiredAtMs: intOrNull(row, 'last_fired_ms'),
  }),
};

/** Writes what became of watches. */
export async function saveWatches(
  tx: Tx,
  accountId: number,
  watches: readonly Watch[],
): Promise<void> {
  await tx.query(
    `/* credits.saveWatches */ update watch w set is_reached = k.is_reached, open_alert = k.open_alert, last_fired_at = k.last_fired_at
     from unnest($2::bigint[], $3::boolean[], $4::bigint[], $5::timestamptz[]) as k (watch_id, is_reached, open_alert, last_fired_at)
     where w.account_id = $1 and w.watch_id = k.watch_id`,
    [
      accountId,
      watches.map((watch) => watch.watchId),
      watches.map((watch) => watch.isReached),
      watches.map((watch) => watch.openAlert),
      watches.map((watch) => atOrNull(watch.lastFiredAtMs)),
    ],
  );
}

/** Adds what is to be watched from now on. */
export async function insertWatches(
  tx: Tx,
  accountId: number,
  watches: readonly {
    readonly watchId: number;
    readonly measure: WatchMeasure;
    readonly valueMicro: bigint;
    readonly label: string | null;
  }[],
  createdAtMs: number,
): Promise<void> {
  await tx.query(
    `/* credits.insertWatches */ insert into watch (account_id, created_at, watch_id, measure, value_micro, label)
     select $1, $2, * from unnest($3::bigint[], $4::watch_measure[], $5::bigint[], $6::text[])`,
    [
      accountId,
      at(createdAtMs),
      watches.map((watch) => watch.watchId),
      watches.map((watch) => watch.measure),
      watches.map((watch) => watch.valueMicro),
      watches.map((watch) => watch.label),
    ],
  );
}

/** The thresholds of some accounts, by account and id; those that were deleted are left out. */
export async function listThresholds(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Threshold[]> {
  const rows = await tx.query(
    `/* credits.listThresholds */ select account_id, watch_id, measure, value_micro, label from watch
     where account_id = any($1) and deleted_at is null and measure <> all('{LOW_CREDIT,ZERO,NEGATIVE_LIMIT}')
     order by account_id, watch_id`,
    [accountIds],
  );
  return rows.map(thresholdFromRow);
}

/** Ends a threshold. @returns whether there was one */
export async function markThresholdDeleted(
  tx: Tx,
  named: { readonly accountId: number; readonly watchId: number },
  atMs: number,
): Promise<boolean> {
  const rows = await tx.query(
    `/* credits.markThresholdDeleted */ update watch set deleted_at = $3
     where account_id = $1 and watch_id = $2 and deleted_at is null and measure <> all('{LOW_CREDIT,ZERO,NEGATIVE_LIMIT}')
     returning watch_id`,
    [named.accountId, named.watchId, at(atMs)],
  );
  return rows.length > 0;
}

function thresholdFromRow(row: Row): Threshold {
  return {
    accountId: int(row, 'account_id'),
    watchId: int(row, 'watch_id'),
    measure: oneOf(row, 'measure', thresholdMeasures),
    valueMicro: big(row, 'value_micro'),
    label: textOrNull(row, 'label'),
  };
}
