import { Column, Entity, PrimaryColumn } from 'typeorm';
import { type AlertKind, alertKinds } from '../engine/credit-event.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Window } from '../core/window.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  big,
  bigOrNull,
  float,
  int,
  intOrNull,
  ints,
  ms,
  oneOf,
  type Row,
  text,
} from '../db/decode.ts';
import type { Alert } from './alert.ts';

@Entity('alert')
export class AlertRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'sequence', ...sequenceColumn }) sequence!: number;
  @Column({ name: 'kind', type: 'enum', enum: alertKinds, enumName: 'alert_kind' })
  kind!: AlertKind;
  @Column({ name: 'rule_id', ...sequenceColumn }) ruleId!: number;
  @Column({ name: 'crossed_at', ...instantColumn }) crossedAtMs!: number;
  @Column({ name: 'raised_at', ...instantColumn }) raisedAtMs!: number;
  @Column({ name: 'remaining_micro', ...bigintColumn }) remainingMicro!: bigint;
  @Column({ name: 'percent_used', type: 'float8', nullable: true }) percentUsed!: number | null;
  @Column({ name: 'runs_remaining', ...sequenceColumn, nullable: true }) runsRemaining!:
    number | null;
  @Column({ name: 'measured_micro', ...bigintColumn, type: 'numeric', nullable: true })
  measuredMicro!: bigint | null;
  @Column({ name: 'message', type: 'text' }) message!: string;
  @Column({ name: 'stopped_resource_ids', type: 'int', array: true }) stoppedResourceIds!: number[];
  @Column({ name: 'resolves', ...sequenceColumn, nullable: true }) resolves!: number | null;
}

const COLUMNS = `x.account_id, x.sequence, x.kind, x.rule_id, x.crossed_at, x.raised_at, x.remaining_micro, x.percent_used,
  x.runs_remaining, x.measured_micro, x.message, x.stopped_resource_ids, x.resolves`;

/** The channel on which gateways tell one another of alerts. */
export const ALERT_CHANNEL = 'alert';

/**
 * Writes the alerts of one account, and tells every gateway when the transaction commits. The notice says only whose they are
 * and up to which sequence: who listens reads on from where it is, so a notice that is lost loses nothing.
 */
export async function insertAlerts(
  tx: Tx,
  accountId: number,
  alerts: readonly Alert[],
): Promise<void> {
  const last = Math.max(...alerts.map((alert) => alert.sequence));
  await tx.query(
    `/* alerts.insertAlerts */ with inserted as (
       insert into alert (account_id, sequence, kind, rule_id, crossed_at, raised_at, remaining_micro, percent_used,
         runs_remaining, measured_micro, message, stopped_resource_ids, resolves)
       select $1, a.sequence, a.kind, a.rule_id, a.crossed_at, a.raised_at, a.remaining_micro, a.percent_used,
         a.runs_remaining, a.measured_micro, a.message, a.stopped::int[], a.resolves
       from unnest($2::bigint[], $3::alert_kind[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
         $8::float8[], $9::bigint[], $10::numeric[], $11::text[], $12::text[], $13::bigint[])
         as a (sequence, kind, rule_id, crossed_at, raised_at, remaining_micro, percent_used, runs_remaining,
           measured_micro, message, stopped, resolves))
     select pg_notify('${ALERT_CHANNEL}', $14)`,
    [
      accountId,
      alerts.map((alert) => alert.sequence),
      alerts.map((alert) => alert.kind),
      alerts.map((alert) => alert.ruleId),
      alerts.map((alert) => at(alert.crossedAtMs)),
      alerts.map((alert) => at(alert.raisedAtMs)),
      alerts.map((alert) => alert.remainingMicro),
      alerts.map((alert) => alert.percentUsed),
      alerts.map((alert) => alert.runsRemaining),
      alerts.map((alert) => alert.measuredMicro),
      alerts.map((alert) => alert.message),
      alerts.map((alert) => `{${alert.stoppedResourceIds.join(',')}}`),
      alerts.map((alert) => alert.resolves),
      `${accountId}:${last}`,
    ],
  );
}

/** Which alerts of an account are read: those between two sequences, of some kinds or (null) of all. */
export interface AlertWindow extends Window {
  readonly kinds: readonly AlertKind[] | null;
}

/** The same window of several accounts, each by sequence, ascending. */
export async function listAlerts(
  tx: Tx,
  accountIds: readonly number[],
  window: AlertWindow,
): Promise<readonly Alert[]> {
  const order = window.from === 'FIRST' ? 'asc' : 'desc';
  const rows = await tx.query(
    `/* alerts.listAlerts ${order} */ select ${COLUMNS} from unnest($1::int[]) as k (account_id), lateral (
       select * from alert a where a.account_id = k.account_id and a.sequence > $2 and a.sequence < $3
         and ($4::alert_kind[] is null or a.kind = any($4))
       order by a.sequence ${order} limit $5) x
     order by x.account_id, x.sequence`,
    [
      accountIds,
      window.after ?? 0,
      window.before ?? Number.MAX_SAFE_INTEGER,
      window.kinds,
      window.limit,
    ],
  );
  return rows.map(alertFromRow);
}

/** How many alerts of some kinds, or (null) of all, accounts have; those without any are left out. */
export async function countAlerts(
  tx: Tx,
  accountIds: readonly number[],
  kinds: readonly AlertKind[] | null,
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx.query(
    `/* alerts.countAlerts */ select account_id, count(*) from alert
     where account_id = any($1) and ($2::alert_kind[] is null or kind = any($2)) group by account_id`,
    [accountIds, kinds],
  );
  return new Map(rows.map((row) => [int(row, 'account_id'), int(row, 'count')]));
}

/** An alert's address. */
export interface AlertAddress {
  readonly accountId: number;
  readonly sequence: number;
}

/** The alerts at these addresses, in no order; unknown ones are left out. */
export async function loadAlerts(
  tx: Tx,
  addresses: readonly AlertAddress[],
): Promise<readonly Alert[]> {
  const rows = await tx.query(
    `/* alerts.loadAlerts */ select ${COLUMNS} from alert x
     join unnest($1::int[], $2::bigint[]) as k (account_id, sequence) using (account_id, sequence)`,
    [addresses.map((one) => one.accountId), addresses.map((one) => one.sequence)],
  );
  return rows.map(alertFromRow);
}

/**
 * What came after some positions, all at once: up to `limit` alerts each, by sequence. Two positions may be in one account.
 * @returns a list for each position
 */
export async function loadAlertsAfter(
  tx: Tx,
  positions: readonly AlertAddress[],
  limit: number,
): Promise<readonly (readonly Alert[])[]> {
  const rows = await tx.query(
    `/* alerts.loadAlertsAfter */ select k.position, ${COLUMNS}
     from unnest($1::int[], $2::bigint[]) with ordinality as k (account_id, sequence, position), lateral (
       select * from alert a where a.account_id = k.account_id and a.sequence > k.sequence order by a.sequence limit $3) x
     order by k.position, x.sequence`,
    [positions.map((one) => one.accountId), positions.map((one) => one.sequence), limit],
  );
  const lists: Alert[][] = positions.map(() => []);
  for (const row of rows) lists[int(row, 'position') - 1]?.push(alertFromRow(row));
  return lists;
}

/** The sequence of the last alert of accounts; unknown accounts are left out. */
export async function loadLastSequences(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx.query(
    `/* alerts.loadLastSequences */ select account_id, last_alert_sequence from credit_state where account_id = any($1)`,
    [accountIds],
  );
  return new Map(rows.map((row) => [int(row, 'account_id'), int(row, 'last_alert_sequence')]));
}

/**
 * What changes with every write to an account's credits: the transactions that wrote its rows last. Unknown accounts are left
 * out.
 */
export async function loadVersions(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await tx.query(
    `/* alerts.loadVersions */ select c.account_id, c.xmin::text || '.' || a.xmin::text as version
     from credit_state c join account a using (account_id) where c.account_id = any($1)`,
    [accountIds],
  );
  return new Map(rows.map((row) => [int(row, 'account_id'), text(row, 'version')]));
}

function alertFromRow(row: Row): Alert {
  return {
    accountId: int(row, 'account_id'),
    sequence: int(row, 'sequence'),
    kind: oneOf(row, 'kind', alertKinds),
    ruleId: int(row, 'rule_id'),
    crossedAtMs: ms(row, 'crossed_at'),
    raisedAtMs: ms(row, 'raised_at'),
    remainingMicro: big(row, 'remaining_micro'),
    percentUsed: row['percent_used'] === null ? null : float(row, 'percent_used'),
    runsRemaining: intOrNull(row, 'runs_remaining'),
    measuredMicro: bigOrNull(row, 'measured_micro'),
    message: text(row, 'message'),
    stoppedResourceIds: ints(row, 'stopped_resource_ids'),
    resolves: intOrNull(row, 'resolves'),
  };
}
