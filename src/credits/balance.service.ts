import type { Tx } from '../db/database.ts';
import { nowOf } from '../account/account.ts';
import { invariant } from '../core/errors.ts';
import type { AllocationUnit } from '../engine/lots.ts';
import { burnMicroPerHour } from '../engine/burn.ts';
import { advance, forecast, type Forecast } from '../engine/clock.ts';
import { Draft } from '../engine/draft.ts';
import { leftOf } from '../engine/lots.ts';
import { closedCycles } from '../engine/credit-event.ts';
import type { AccountState } from '../engine/state.ts';
import { type CycleRecord, type LoadOptions, loadStates } from '../settlement/state.store.ts';
import type { Position } from '../engine/alert-rules.ts';

/** An account's figures, what it burns, and when its credits end. */
export interface Balance {
  readonly position: Position;
  readonly burnMicroPerHour: bigint;
  /** Computed when it is asked for: it may cost more than all the rest. */
  readonly forecast: () => Forecast;
}

/** The credits of an account at its now. */
export interface Standing {
  readonly state: AccountState;
  /** Cycles that have ended but are not stored as ended yet, oldest first. */
  readonly closed: readonly CycleRecord[];
}

/**
 * The credits of accounts at their now, in the order asked: the last settled state, advanced in memory. Nothing is written.
 * @param tx a snapshot
 */
export async function readStandings(
  tx: Tx,
  accountIds: readonly number[],
  realNowMs: number,
  options: LoadOptions = {},
): Promise<readonly Standing[]> {
  const stored = await loadStates(tx, accountIds, options);
  return accountIds.map((accountId) => {
    const state = stored.get(accountId);
    invariant(state !== undefined, 'an account has its credits', { accountId });
    const nowMs = nowOf({ ...state, settledAtMs: state.atMs }, realNowMs);
    const draft = advance(state, nowMs);
    const closed = closedCycles(draft.creditEvents).map((cycle) => ({ accountId, ...cycle }));
    return { state: draft.state, closed };
  });
}

/** Like `readStandings`, but the states alone. */
export async function readStates(
  tx: Tx,
  accountIds: readonly number[],
  realNowMs: number,
  options: LoadOptions = {},
): Promise<readonly AccountState[]> {
  return (await readStandings(tx, accountIds, realNowMs, options)).map(({ state }) => state);
}

/** The balance at the position of a state. */
export function balanceAt(state: AccountState): Balance {
  return {
    position: new Draft(state).position(),
    burnMicroPerHour: burnMicroPerHour(state.running),
    forecast: () => forecast(state),
  };
}

/** What is left of an allocation at the position of a state, after what has accrued since the last posting. */
export function remainingOf(
  state: AccountState,
  allocation: { readonly unit: AllocationUnit; readonly allocationId: number },
): bigint {
  const draft = new Draft(state);
  draft.postHosting();
  const lot = draft
    .wallet(allocation.unit)
    .lots.find(({ allocationId }) => allocationId === allocation.allocationId);
  // One that is not among them is over, or used up.
  const isOver = lot === undefined || lot.state === 'EXPIRED' || lot.state === 'VOIDED';
  return isOver ? 0n : leftOf(lot);
}
