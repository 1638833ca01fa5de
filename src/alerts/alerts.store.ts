import { Column, Entity, PrimaryColumn } from 'typeorm';
import { type AlertKind, alertKinds } from '../engine/credit-event.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import type { Window } from '../core/window.ts';
import { accountOf, answersByAccount, rowsByAccount } from '../db/by-account.ts';
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
  rowsOfEach,
  text,
} from '../db/decode.ts';
import type { Alert } from './alert.ts';
import { raw, sql, type Sql, unnested, unnestedOf } from '../db/sql.ts';

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

/** The channel on which gateways notify one another of alerts. */
export const ALERT_CHANNEL = 'alert';

/**
 * Writes the alerts of one account, and notifies every gateway when the transaction commits. The notice contains only the
 * account and the last sequence. Listeners read on from their own position, so losing a notice loses no alert.
 */
export async function insertAlerts(
  tx: Tx,
  accountId: number,
  alerts: readonly Alert[],
): Promise<void> {
  const last = Math.max(...alerts.map((alert) => alert.sequence));
  await tx.query(sql`/* alerts.insertAlerts */ insert into alert (account_id, sequence, kind, rule_id, crossed_at, raised_at, remaining_micro, percent_used,
         runs_remaining, measured_micro, message, stopped_resource_ids, resolves)
       select own.account_id, a.sequence, a.kind, a.rule_id, a.crossed_at, a.raised_at, a.remaining_micro, a.percent_used,
         a.runs_remaining, a.measured_micro, a.message, a.stopped::int[], a.resolves
       from ${unnestedOf(
         accountId,
         alerts,
         {
           sequence: ['bigint', (alert) => alert.sequence],
           kind: ['alert_kind', (alert) => alert.kind],
           rule_id: ['bigint', (alert) => alert.ruleId],
           crossed_at: ['timestamptz', (alert) => at(alert.crossedAtMs)],
           raised_at: ['timestamptz', (alert) => at(alert.raisedAtMs)],
           remaining_micro: ['bigint', (alert) => alert.remainingMicro],
           percent_used: ['float8', (alert) => alert.percentUsed],
           runs_remaining: ['bigint', (alert) => alert.runsRemaining],
           measured_micro: ['numeric', (alert) => alert.measuredMicro],
           message: ['text', (alert) => alert.message],
           stopped: ['text', (alert) => `{${alert.stoppedResourceIds.join(',')}}`],
           resolves: ['bigint', (alert) => alert.resolves],
         },
         { as: 'a' },
       )}`);
  // On its own, since it is heard on the server that it runs on: that which the listeners listen to.
  tx.later(
    sql`/* alerts.notify */ select pg_notify('${raw(ALERT_CHANNEL)}', ${`${accountId}:${last}`})`,
  );
}

/** Which alerts of an account to read: those between two sequences, of some kinds or (null) of all. */
export interface AlertWindow extends Window {
  readonly kinds: readonly AlertKind[] | null;
}

/** The same window of several accounts, each by sequence, ascending. */
export async function listAlerts(
  tx: Tx,
  accountIds: readonly number[],
  window: AlertWindow,
): Promise<readonly Alert[]> {
  return rowsByAccount(tx, accountIds, (ids) => listAlertsOf(tx, ids, window));
}

async function listAlertsOf(
  tx: Tx,
  accountIds: readonly number[],
  window: AlertWindow,
): Promise<readonly Alert[]> {
  const order = window.from === 'FIRST' ? 'asc' : 'desc';
  const rows =
    await tx.query(sql`/* alerts.listAlerts ${raw(order)} */ select ${raw(COLUMNS)} from unnest(${accountIds}::int[]) as k (account_id), lateral (
       select * from alert a where a.account_id = ${accountOf(tx, accountIds, sql`k.account_id`)} and a.sequence > ${window.after ?? 0} and a.sequence < ${window.before ?? Number.MAX_SAFE_INTEGER}
         and ${isOfKinds(window.kinds)}
       order by a.sequence ${raw(order)} limit ${window.limit}) x
     order by x.account_id, x.sequence`);
  return rows.map(alertFromRow);
}

/** How many alerts of some kinds, or (null) of all, accounts have; those without any are left out. */
export async function countAlerts(
  tx: Tx,
  accountIds: readonly number[],
  kinds: readonly AlertKind[] | null,
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx.query(sql`/* alerts.countAlerts */ select account_id, count(*) from alert
     where account_id = any(${accountIds}) and ${isOfKinds(kinds)} group by account_id`);
  return new Map(rows.map((row) => [int(row, 'account_id'), int(row, 'count')]));
}

function isOfKinds(kinds: readonly AlertKind[] | null): Sql {
  return kinds === null ? sql`true` : sql`kind = any(${kinds}::alert_kind[])`;
}

/** The key of an alert. */
export interface AlertAddress {
  readonly accountId: number;
  readonly sequence: number;
}

/** The alerts with these keys, in no order; unknown ones are left out. */
export async function loadAlerts(
  tx: Tx,
  addresses: readonly AlertAddress[],
): Promise<readonly Alert[]> {
  const rows = await rowsByAccount(tx, addresses, (asked) =>
    tx.query(sql`/* alerts.loadAlerts */ select ${raw(COLUMNS)} from ${unnested(asked, {
      account_id: ['int', (one) => one.accountId],
      sequence: ['bigint', (one) => one.sequence],
    })}
     join alert x on x.account_id = ${accountOf(tx, asked, sql`k.account_id`)} and x.sequence = k.sequence`),
  );
  return rows.map(alertFromRow);
}

/**
 * The alerts after each of some positions: up to `limit` each, by sequence. Two positions may be in one account.
 * @returns a list for each position
 */
export async function loadAlertsAfter(
  tx: Tx,
  positions: readonly AlertAddress[],
  limit: number,
): Promise<readonly (readonly Alert[])[]> {
  return answersByAccount(tx, positions, (asked) => alertsAfter(tx, asked, limit));
}

async function alertsAfter(
  tx: Tx,
  positions: readonly AlertAddress[],
  limit: number,
): Promise<readonly (readonly Alert[])[]> {
  const rows = await tx.query(sql`/* alerts.loadAlertsAfter */ select k.position, ${raw(COLUMNS)}
     from ${unnested(
       positions,
       {
         account_id: ['int', (one) => one.accountId],
         sequence: ['bigint', (one) => one.sequence],
       },
       { ordinal: 'position' },
     )}, lateral (
       select * from alert a where a.account_id = ${accountOf(tx, positions, sql`k.account_id`)} and a.sequence > k.sequence order by a.sequence limit ${limit}) x
     order by k.position, x.sequence`);
  return rowsOfEach(rows, positions.length, { ordinal: 'position', fromRow: alertFromRow });
}

/** The sequence of the last alert of accounts; unknown accounts are left out. */
export async function loadLastSequences(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx.query(
    sql`/* alerts.loadLastSequences */ select account_id, last_alert_sequence from credit_state where account_id = any(${accountIds})`,
  );
  return new Map(rows.map((row) => [int(row, 'account_id'), int(row, 'last_alert_sequence')]));
}

/**
 * A version that changes with every write to an account's credits: the transactions that last wrote its rows. Unknown
 * accounts are left out.
 */
export async function loadVersions(
  tx: Tx,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await rowsByAccount(tx, accountIds, (ids) =>
    tx.query(sql`/* alerts.loadVersions */ select c.account_id, c.xmin::text || '.' || a.xmin::text as version
     from credit_state c join account a on a.account_id = ${accountOf(tx, ids, sql`c.account_id`)} where c.account_id = any(${ids})`),
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
