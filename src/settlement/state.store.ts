// An account's credits as rows, and back. A state is read as a whole under the account's lock or in one snapshot, and the
// changes of its draft are written. Calls write some of these rows directly, before their draft is stored: a new account,
// allocation, threshold or policy, a void, and the numbers and sums of recorded events.

import { Column, Entity, PrimaryColumn } from 'typeorm';
import { groupBy } from '../core/group.ts';
import type { Range } from '../core/range.ts';
import { bigintColumn, instantColumn, sequenceColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount, togetherOrApart } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import {
  at,
  atOrNull,
  big,
  bool,
  int,
  intOrNull,
  ints,
  oneOf,
  type Row,
  sqlMs,
  text,
} from '../db/decode.ts';
import { type Read, readCombined } from '../db/combined-read.ts';
import { type PostedSegment, runningOf } from '../hosting/hosting.store.ts';
import { type AllocationUnit, allocationUnits } from '../engine/lots.ts';
import { runningSegment } from '../engine/burn.ts';
import { type CycleSums, type Lot, lotStates, type UsedUpLots } from '../engine/lots.ts';
import type { CreditPolicy } from '../engine/limits.ts';
import type { AccountState, KnownRate, RunningCycle } from '../engine/state.ts';
import { alertRulesOf } from './thresholds.store.ts';
import { raw, sql, type Sql, unnested, unnestedOf } from '../db/sql.ts';

@Entity('credit_state')
export class CreditStateRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @Column({ name: 'low_credit_micro', ...bigintColumn }) lowCreditMicro!: bigint;
  @Column({ name: 'negative_limit_micro', ...bigintColumn }) negativeLimitMicro!: bigint;
  @Column({ name: 'fine_tuning_minimum_micro', ...bigintColumn }) fineTuningMinimumMicro!: bigint;
  @Column({ name: 'debt_micro', ...bigintColumn }) debtMicro!: bigint;
  @Column({ name: 'runs_debt_micro', ...bigintColumn }) runsDebtMicro!: bigint;
  @Column({ name: 'has_credits', type: 'boolean' }) hasCredits!: boolean;
  @Column({ name: 'has_runs', type: 'boolean' }) hasRuns!: boolean;
  @Column({ name: 'balance_micro', ...bigintColumn }) balanceMicro!: bigint;
  @Column({ name: 'cycle_id', type: 'int' }) cycleId!: number;
  @Column({ name: 'last_ledger_sequence', ...sequenceColumn }) lastLedgerSequence!: number;
  @Column({ name: 'last_ledger_hash', type: 'bytea' }) lastLedgerHash!: Buffer;
  @Column({ name: 'last_statement', type: 'int' }) lastStatement!: number;
  @Column({ name: 'last_statement_sha256', type: 'bytea', nullable: true })
  lastStatementSha256!: Buffer | null;
  @Column({ name: 'last_alert_sequence', ...sequenceColumn }) lastAlertSequence!: number;
  @Column({ name: 'next_due_at', ...instantColumn, nullable: true }) nextDueMs!: number | null;
}

@Entity('billing_cycle')
export class BillingCycleRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'cycle_id', type: 'int' }) cycleId!: number;
  @Column({ name: 'starts_at', ...instantColumn }) startMs!: number;
  @Column({ name: 'ends_at', ...instantColumn }) endMs!: number;
  @Column({ name: 'carried_over_micro', ...bigintColumn }) carriedOverMicro!: bigint;
  @Column({ name: 'allocated_micro', ...bigintColumn }) allocatedMicro!: bigint;
  @Column({ name: 'used_micro', ...bigintColumn }) usedMicro!: bigint;
  @Column({ name: 'expired_micro', ...bigintColumn }) expiredMicro!: bigint;
  @Column({ name: 'adjusted_micro', ...bigintColumn }) adjustedMicro!: bigint;
  @Column({ name: 'runs_carried_over_micro', ...bigintColumn }) runsCarriedOverMicro!: bigint;
  @Column({ name: 'runs_allocated_micro', ...bigintColumn }) runsAllocatedMicro!: bigint;
  @Column({ name: 'runs_used_micro', ...bigintColumn }) runsUsedMicro!: bigint;
  @Column({ name: 'runs_expired_micro', ...bigintColumn }) runsExpiredMicro!: bigint;
  @Column({ name: 'runs_adjusted_micro', ...bigintColumn }) runsAdjustedMicro!: bigint;
}

/** A cycle with its sums of both units. */
export interface CycleRecord extends RunningCycle {
  readonly accountId: number;
  readonly credits: CycleSums;
  readonly runs: CycleSums;
}

/** A cycle as a draft has it. */
type SavedCycle = Omit<CycleRecord, 'accountId'>;

const SUMS = ['carried_over', 'allocated', 'used', 'expired', 'adjusted'];

/** The sums in a cycle row, for any statement that reads one. */
export const CYCLE = raw(
  [
    'b.account_id, b.cycle_id',
    `${sqlMs('b.starts_at')} as starts_ms, ${sqlMs('b.ends_at')} as ends_ms`,
    ...['', 'runs_'].flatMap((unit) =>
      SUMS.map((sum) => `b.${unit}${sum}_micro::text as ${unit}${sum}_micro`),
    ),
  ].join(', '),
);

/** Most rows of a state are alert rules. What is left, and until when, does not depend on them. */
export interface LoadOptions {
  readonly withoutAlertRules?: boolean;
}

/**
 * The last settled credits of some accounts, by account id; unknown ids are left out.
 * @param tx a transaction that holds the accounts' locks, or a snapshot
 */
export async function loadStates(
  tx: Tx,
  accountIds: readonly number[],
  options: LoadOptions = {},
): Promise<ReadonlyMap<number, AccountState>> {
  const states = await rowsByAccount(tx, accountIds, (ids) => statesTogether(tx, ids, options));
  return new Map(states.map((state) => [state.accountId, state]));
}

async function statesTogether(
  tx: Tx,
  accountIds: readonly number[],
  { withoutAlertRules = false }: LoadOptions,
): Promise<readonly AccountState[]> {
  const read = await readCombined(tx, 'credits.loadStates', {
    states: statesOf(tx, accountIds),
    lots: lotsOf(accountIds, sql`state in ('PENDING', 'SPENDABLE') and not (${IS_USED_UP})`),
    alertRules: alertRulesOf(withoutAlertRules ? [] : accountIds),
    running: runningOf(accountIds),
    // All rates: a write may deploy on hardware that is not in use yet.
    rates: knownRates,
  });
  const lots = groupBy(read.lots, accountIdOf);
  const alertRules = groupBy(read.alertRules, accountIdOf);
  const running = groupBy(read.running, accountIdOf);
  return read.states.map((row) => {
    const accountId = int(row, 'account_id');
    const state = stateFromRow(row, {
      lots: lots.get(accountId) ?? [],
      segments: running.get(accountId) ?? [],
      rates: read.rates,
    });
    return { ...state, alertRules: alertRules.get(accountId) ?? [] };
  });
}

function accountIdOf({ accountId }: { readonly accountId: number }): number {
  return accountId;
}

/** The rows of which a state has exactly one each. */
function statesOf(tx: Tx, accountIds: readonly number[]): Read<Row> {
  const account = accountOf(tx, accountIds, sql`c.account_id`);
  return {
    select: sql`select ${CYCLE}, c.low_credit_micro::text, c.negative_limit_micro::text, c.fine_tuning_minimum_micro::text,
      c.debt_micro::text, c.runs_debt_micro::text, c.has_credits, c.has_runs, c.last_ledger_sequence,
      encode(c.last_ledger_hash, 'hex') as last_ledger_hash,
      c.last_alert_sequence, a.last_local_id, a.time_zone, a.cycle_day, a.is_test, ${raw(sqlMs('a.closed_at'))} as closed_ms,
      ${raw(sqlMs('a.credits_from'))} as credits_from_ms, ${raw(sqlMs('a.settled_at'))} as settled_ms,
      array(select r.resource_id from resource r where r.account_id = ${account} and r.status = 'DEPLOYING'
        order by r.resource_id) as requested
    from credit_state c join billing_cycle b on b.account_id = ${account} and b.cycle_id = c.cycle_id
      join account a on a.account_id = ${account}
    where c.account_id = any(${accountIds}::int[])`,
    fromRow: (row) => row,
  };
}

interface StateParts {
  readonly lots: readonly StoredLot[];
  readonly segments: readonly PostedSegment[];
  readonly rates: readonly KnownRate[];
}

function stateFromRow(
  row: Row,
  { lots, segments, rates }: StateParts,
): Omit<AccountState, 'alertRules'> {
  const { accountId, cycleId, startMs, endMs, credits, runs } = cycleFromRow(row);
  const creditsFromMs = int(row, 'credits_from_ms');
  const isTest = bool(row, 'is_test');
  return {
    accountId,
    atMs: int(row, 'settled_ms'),
    isTest,
    closedAtMs: intOrNull(row, 'closed_ms'),
    creditsFromMs,
    timeZone: text(row, 'time_zone'),
    cycleDay: int(row, 'cycle_day'),
    cycle: { cycleId, startMs, endMs },
    policy: policyFromRow(row),
    credits: {
      lots: ofUnit(lots, 'CREDITS'),
      debtMicro: big(row, 'debt_micro'),
      hasBegun: bool(row, 'has_credits'),
      cycle: credits,
    },
    runs: {
      lots: ofUnit(lots, 'WORKFLOW_RUNS'),
      debtMicro: big(row, 'runs_debt_micro'),
      hasBegun: bool(row, 'has_runs'),
      cycle: runs,
    },
    running: segments.map((segment) => runningSegment(segment, creditsFromMs)),
    requestedResourceIds: ints(row, 'requested'),
    rates: ratesKnownTo({ isTest }, rates),
    lastLedgerSequence: int(row, 'last_ledger_sequence'),
    lastLedgerHash: text(row, 'last_ledger_hash'),
    lastAlertSequence: int(row, 'last_alert_sequence'),
    lastLocalId: int(row, 'last_local_id'),
  };
}

export function policyFromRow(row: Row): CreditPolicy {
  return {
    lowCreditMicro: big(row, 'low_credit_micro'),
    negativeLimitMicro: big(row, 'negative_limit_micro'),
    fineTuningMinimumMicro: big(row, 'fine_tuning_minimum_micro'),
  };
}

export function cycleFromRow(row: Row): CycleRecord {
  const sums = (prefix: string): CycleSums => ({
    carriedOverMicro: big(row, `${prefix}carried_over_micro`),
    allocatedMicro: big(row, `${prefix}allocated_micro`),
    usedMicro: big(row, `${prefix}used_micro`),
    expiredMicro: big(row, `${prefix}expired_micro`),
    adjustedMicro: big(row, `${prefix}adjusted_micro`),
  });
  return {
    accountId: int(row, 'account_id'),
    cycleId: int(row, 'cycle_id'),
    startMs: int(row, 'starts_ms'),
    endMs: int(row, 'ends_ms'),
    credits: sums(''),
    runs: sums('runs_'),
  };
}

interface StoredLot {
  readonly accountId: number;
  readonly unit: AllocationUnit;
  readonly lot: Lot;
}

/** Of a pending or spendable lot; see engine/lots.ts. */
const IS_USED_UP = sql`spent_micro = amount_micro and expires_at is null`;

/** The lots that the state of an account leaves out, which only what gives a charge back needs. @param tx holds the account's lock */
export async function loadUsedUpLots(tx: Tx, accountId: number): Promise<UsedUpLots> {
  const { lots } = await readCombined(tx, 'credits.loadUsedUpLots', {
    lots: lotsOf([accountId], sql`state = 'SPENDABLE' and ${IS_USED_UP}`),
  });
  return { CREDITS: ofUnit(lots, 'CREDITS'), WORKFLOW_RUNS: ofUnit(lots, 'WORKFLOW_RUNS') };
}

function ofUnit(lots: readonly StoredLot[], unit: AllocationUnit): readonly Lot[] {
  return lots.filter((lot) => lot.unit === unit).map(({ lot }) => lot);
}

function lotsOf(accountIds: readonly number[], which: Sql): Read<StoredLot> {
  return {
    select: sql`select account_id, allocation_id, unit, state, amount_micro::text, spent_micro::text, priority,
      ${raw(sqlMs('grant_at'))} as grant_ms, ${raw(sqlMs('expires_at'))} as expires_ms, ${raw(sqlMs('created_at'))} as created_ms,
      series_id, is_adjustment
    from credit_allocation where account_id = any(${accountIds}::int[]) and ${which}`,
    fromRow: (row) => ({
      accountId: int(row, 'account_id'),
      unit: oneOf(row, 'unit', allocationUnits),
      lot: {
        allocationId: int(row, 'allocation_id'),
        state: oneOf(row, 'state', lotStates),
        amountMicro: big(row, 'amount_micro'),
        spentMicro: big(row, 'spent_micro'),
        priority: int(row, 'priority'),
        grantAtMs: int(row, 'grant_ms'),
        expiresAtMs: intOrNull(row, 'expires_ms'),
        createdAtMs: int(row, 'created_ms'),
        seriesId: intOrNull(row, 'series_id'),
        isAdjustment: bool(row, 'is_adjustment'),
      },
    }),
  };
}

/** All rates, and since when they are known. */
const knownRates: Read<KnownRate> = {
  select: sql`select hardware_id, ${raw(sqlMs('effective_from'))} as effective_ms, rate_micro_per_hour::text,
      ${raw(sqlMs('set_at'))} as set_ms
    from hardware_rate`,
  fromRow: (row) => ({
    hardwareId: int(row, 'hardware_id'),
    fromMs: int(row, 'effective_ms'),
    rateMicroPerHour: big(row, 'rate_micro_per_hour'),
    knownFromMs: int(row, 'set_ms'),
  }),
};

/** All rates as an account knows them. */
export async function loadRatesKnownTo(
  tx: Tx,
  account: { readonly isTest: boolean },
): Promise<readonly KnownRate[]> {
  const { rates } = await readCombined(tx, 'credits.loadRates', { rates: knownRates });
  return ratesKnownTo(account, rates);
}

// A test account knows all existing rates.
function ratesKnownTo(
  { isTest }: { readonly isTest: boolean },
  rates: readonly KnownRate[],
): readonly KnownRate[] {
  return isTest ? rates.map((rate) => ({ ...rate, knownFromMs: -Infinity })) : rates;
}

/** Writes the account's numbers, balances and changed lots, and the cycles that a draft ended or is in, by the commit. */
export function savePosition(
  tx: Tx,
  state: AccountState,
  saved: {
    readonly balanceMicro: bigint;
    readonly nextDueMs: number | null;
    /** The first one has a row. */
    readonly cycles: readonly [SavedCycle, ...SavedCycle[]];
    /** Changed lots that have rows. */
    readonly lots: readonly Lot[];
  },
): void {
  const { accountId, credits, runs } = state;
  const { cycles, lots } = saved;
  const [first, ...begun] = cycles;
  // The ended cycles, the later one first.
  const endedStarts = [...cycles.slice(0, -1)].reverse().map((cycle) => at(cycle.startMs));
  if (begun.length > 0) insertCycles(tx, accountId, begun);
  tx.later(sql`/* credits.savePosition */ with position as (
       update account set settled_at = ${at(state.atMs)}, last_local_id = ${state.lastLocalId},
         earlier_cycle_starts = (${endedStarts}::timestamptz[] || earlier_cycle_starts)[1:2],
         cycle_starts_at = ${at(state.cycle.startMs)}, cycle_ends_at = ${at(state.cycle.endMs)}
       where account_id = ${accountId}
     ), balances as (
       update credit_state set debt_micro = ${credits.debtMicro}, runs_debt_micro = ${runs.debtMicro},
         has_credits = ${credits.hasBegun}, has_runs = ${runs.hasBegun}, balance_micro = ${saved.balanceMicro},
         cycle_id = ${state.cycle.cycleId}, last_ledger_sequence = ${state.lastLedgerSequence},
         last_ledger_hash = ${`\\x${state.lastLedgerHash}`},
         last_alert_sequence = ${state.lastAlertSequence}, next_due_at = ${atOrNull(saved.nextDueMs)}
       where account_id = ${accountId}
     ), lots as (
       update credit_allocation c set state = k.state, spent_micro = k.spent_micro, expires_at = k.expires_at
       from ${unnested(lots, {
         allocation_id: ['bigint', (lot) => lot.allocationId],
         state: ['lot_state', (lot) => lot.state],
         spent_micro: ['bigint', (lot) => lot.spentMicro],
         expires_at: ['timestamptz', (lot) => atOrNull(lot.expiresAtMs)],
       })}
       where c.account_id = ${accountId} and c.allocation_id = k.allocation_id
     )
     update billing_cycle set
       allocated_micro = ${first.credits.allocatedMicro}, used_micro = ${first.credits.usedMicro},
       expired_micro = ${first.credits.expiredMicro}, adjusted_micro = ${first.credits.adjustedMicro},
       runs_allocated_micro = ${first.runs.allocatedMicro}, runs_used_micro = ${first.runs.usedMicro},
       runs_expired_micro = ${first.runs.expiredMicro}, runs_adjusted_micro = ${first.runs.adjustedMicro}
     where account_id = ${accountId} and cycle_id = ${first.cycleId}`);
}

/** Nothing becomes due any more. */
export async function endDue(tx: Tx, accountId: number): Promise<void> {
  await tx.query(
    sql`/* credits.endDue */ update credit_state set next_due_at = null where account_id = ${accountId}`,
  );
}

function insertCycles(tx: Tx, accountId: number, cycles: readonly SavedCycle[]): void {
  tx.later(sql`/* credits.insertCycles */ insert into billing_cycle
     select own.account_id, k.* from ${unnestedOf(accountId, cycles, {
       cycle_id: ['int', (cycle) => cycle.cycleId],
       starts_at: ['timestamptz', (cycle) => at(cycle.startMs)],
       ends_at: ['timestamptz', (cycle) => at(cycle.endMs)],
       carried_over_micro: ['bigint', ({ credits: sums }) => sums.carriedOverMicro],
       allocated_micro: ['bigint', ({ credits: sums }) => sums.allocatedMicro],
       used_micro: ['bigint', ({ credits: sums }) => sums.usedMicro],
       expired_micro: ['bigint', ({ credits: sums }) => sums.expiredMicro],
       adjusted_micro: ['bigint', ({ credits: sums }) => sums.adjustedMicro],
       runs_carried_over_micro: ['bigint', ({ runs: sums }) => sums.carriedOverMicro],
       runs_allocated_micro: ['bigint', ({ runs: sums }) => sums.allocatedMicro],
       runs_used_micro: ['bigint', ({ runs: sums }) => sums.usedMicro],
       runs_expired_micro: ['bigint', ({ runs: sums }) => sums.expiredMicro],
       runs_adjusted_micro: ['bigint', ({ runs: sums }) => sums.adjustedMicro],
     })}`);
}

/** Accounts with something due by an instant and by the database's clock, the longest due first. */
export async function findDue(
  tx: Tx,
  due: { readonly byMs: number; readonly limit: number },
): Promise<readonly number[]> {
  const rows = await tx.query(sql`/* credits.findDue */ select account_id from credit_state
     where next_due_at <= least(${at(due.byMs)}::timestamptz, (select clock_timestamp())) order by next_due_at limit ${due.limit}`);
  return rows.map((row) => int(row, 'account_id'));
}

/** Makes accounts due that now run on a hardware, because its rates changed. Test accounts are left to their own clock. */
export async function makeDue(
  tx: Tx,
  due: { readonly hardwareId: number; readonly atMs: number },
): Promise<void> {
  const rows =
    await tx.query(sql`/* credits.findRunningOn */ select distinct a.account_id from account a join hosting_segment s using (account_id)
     where not a.is_test and s.hardware_id = ${due.hardwareId} and s.to_at is null and s.voided_at is null order by a.account_id`);
  const accountIds = rows.map((row) => int(row, 'account_id'));
  if (accountIds.length === 0) return;
  for (const ids of togetherOrApart(tx, accountIds)) {
    tx.later(
      sql`/* credits.makeDue.lock */ select from account where account_id = any(${ids}::int[]) order by account_id for no key update`,
    );
  }
  tx.later(sql`/* credits.makeDue */ update credit_state set next_due_at = ${at(due.atMs)}
     where account_id = any(${accountIds}::int[]) and next_due_at > ${at(due.atMs)}`);
}

/** Test accounts that run on a hardware, by id. */
export async function findTestAccountsOn(tx: Tx, hardwareId: number): Promise<readonly number[]> {
  const rows =
    await tx.query(sql`/* credits.findTestAccountsOn */ select distinct a.account_id from account a join hosting_segment s using (account_id)
     where a.is_test and s.hardware_id = ${hardwareId} and s.to_at is null and s.voided_at is null order by a.account_id`);
  return rows.map((row) => int(row, 'account_id'));
}

/** The first rows of a new account's credits. */
export async function insertState(
  tx: Tx,
  state: { readonly accountId: number; readonly policy: CreditPolicy; readonly cycle: Range },
): Promise<void> {
  const { accountId, policy, cycle } = state;
  await tx.query(sql`/* credits.insertState */ with cycle as (
       insert into billing_cycle (account_id, cycle_id, starts_at, ends_at) values (${accountId}, 1, ${at(cycle.fromMs)}, ${at(cycle.toMs)}))
     insert into credit_state (account_id, low_credit_micro, negative_limit_micro, fine_tuning_minimum_micro, cycle_id)
     values (${accountId}, ${policy.lowCreditMicro}, ${policy.negativeLimitMicro}, ${policy.fineTuningMinimumMicro}, 1)`);
}

export async function savePolicy(tx: Tx, accountId: number, policy: CreditPolicy): Promise<void> {
  await tx.query(sql`/* credits.savePolicy */ update credit_state set low_credit_micro = ${policy.lowCreditMicro}, negative_limit_micro = ${policy.negativeLimitMicro},
       fine_tuning_minimum_micro = ${policy.fineTuningMinimumMicro} where account_id = ${accountId}`);
}
