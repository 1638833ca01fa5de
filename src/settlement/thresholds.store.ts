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
import type { Read } from '../db/combined-read.ts';
import {
  type ThresholdMeasure,
  thresholdMeasures,
  type AlertRule,
  alertRuleMeasures,
  type AlertRuleMeasure,
} from '../engine/alert-rules.ts';
import { raw, sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('alert_rule')
export class AlertRuleRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'rule_id', ...sequenceColumn }) ruleId!: number;
  @Column({
    name: 'measure',
    type: 'enum',
    enum: alertRuleMeasures,
    enumName: 'alert_rule_measure',
  })
  measure!: AlertRuleMeasure;
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
  readonly ruleId: number;
  readonly measure: ThresholdMeasure;
  readonly valueMicro: bigint;
  readonly label: string | null;
}

/** All alert rules of some accounts, by account and id. */
export function alertRulesOf(
  accountIds: readonly number[],
): Read<AlertRule & { readonly accountId: number }> {
  return {
    select: sql`select account_id, rule_id, measure, value_micro::text, is_reached, open_alert,
        ${raw(sqlMs('last_fired_at'))} as last_fired_ms
      from alert_rule where account_id = any(${accountIds}::int[]) and deleted_at is null order by account_id, rule_id`,
    fromRow: (row) => ({
      accountId: int(row, 'account_id'),
      ruleId: int(row, 'rule_id'),
      measure: oneOf(row, 'measure', alertRuleMeasures),
      valueMicro: big(row, 'value_micro'),
      isReached: bool(row, 'is_reached'),
      openAlert: intOrNull(row, 'open_alert'),
      lastFiredAtMs: intOrNull(row, 'last_fired_ms'),
    }),
  };
}

/** Writes changes of alert rules. */
export function saveAlertRules(tx: Tx, accountId: number, alertRules: readonly AlertRule[]): void {
  tx.later(sql`/* credits.saveAlertRules */ update alert_rule w set is_reached = k.is_reached, open_alert = k.open_alert, last_fired_at = k.last_fired_at
     from ${unnested(alertRules, {
       rule_id: ['bigint', (rule) => rule.ruleId],
       is_reached: ['boolean', (rule) => rule.isReached],
       open_alert: ['bigint', (rule) => rule.openAlert],
       last_fired_at: ['timestamptz', (rule) => atOrNull(rule.lastFiredAtMs)],
     })}
     where w.account_id = ${accountId} and w.rule_id = k.rule_id`);
}

/** Inserts alert rules. */
export async function insertAlertRules(
  tx: Tx,
  accountId: number,
  alertRules: readonly {
    readonly ruleId: number;
    readonly measure: AlertRuleMeasure;
    readonly valueMicro: bigint;
    readonly label: string | null;
  }[],
  createdAtMs: number,
): Promise<void> {
  await tx.query(sql`/* credits.insertAlertRules */ insert into alert_rule (account_id, created_at, rule_id, measure, value_micro, label)
     select own.account_id, ${at(createdAtMs)}::timestamptz, k.* from ${unnestedOf(
       accountId,
       alertRules,
       {
         rule_id: ['bigint', (rule) => rule.ruleId],
         measure: ['alert_rule_measure', (rule) => rule.measure],
         value_micro: ['bigint', (rule) => rule.valueMicro],
         label: ['text', (rule) => rule.label],
       },
     )}`);
}

/** The thresholds of some accounts, by account and id; deleted ones are left out. */
export async function listThresholds(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Threshold[]> {
  const rows =
    await tx.query(sql`/* credits.listThresholds */ select account_id, rule_id, measure, value_micro, label from alert_rule
     where account_id = any(${accountIds}) and deleted_at is null and measure <> all('{LOW_CREDIT,ZERO,NEGATIVE_LIMIT}')
     order by account_id, rule_id`);
  return rows.map(thresholdFromRow);
}

/** Ends a threshold. @returns null when there was none */
export async function markThresholdDeleted(
  tx: Tx,
  named: { readonly accountId: number; readonly ruleId: number },
  atMs: number,
): Promise<Threshold | null> {
  const rows =
    await tx.query(sql`/* credits.markThresholdDeleted */ update alert_rule set deleted_at = ${at(atMs)}
     where account_id = ${named.accountId} and rule_id = ${named.ruleId} and deleted_at is null and measure <> all('{LOW_CREDIT,ZERO,NEGATIVE_LIMIT}')
     returning account_id, rule_id, measure, value_micro, label`);
  return rows[0] === undefined ? null : thresholdFromRow(rows[0]);
}

function thresholdFromRow(row: Row): Threshold {
  return {
    accountId: int(row, 'account_id'),
    ruleId: int(row, 'rule_id'),
    measure: oneOf(row, 'measure', thresholdMeasures),
    valueMicro: big(row, 'value_micro'),
    label: textOrNull(row, 'label'),
  };
}
