// Many accounts with their positions at one instant: which of them to list, in which order, and their totals.

import { type OrderDirection } from '../core/cursor.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';

export const accountOrderFields = {
  NAME: 'NAME',
  CREATED_AT: 'CREATED_AT',
  STOPS_AT: 'STOPS_AT',
  REMAINING: 'REMAINING',
  BURN_RATE: 'BURN_RATE',
} as const;
export type AccountOrderField = keyof typeof accountOrderFields;

/** The conditions of a list; null is no condition. Equal questions ask for the same list. */
export interface FleetQuestion {
  /** Part of the name or external id, folded. */
  readonly search: string | null;
  readonly states: readonly CreditState[] | null;
  readonly stopsBeforeMs: number | null;
  readonly isTest: boolean | null;
  /** Null: by id. */
  readonly field: AccountOrderField | null;
  readonly direction: OrderDirection;
}

/** The figures of an account's credits. */
export interface FleetPosition {
  /** The account's now; a test account has its own. */
  readonly asOfMs: number;
  readonly state: CreditState;
  readonly allocatedMicro: bigint;
  readonly usedMicro: bigint;
  readonly remainingMicro: bigint;
  readonly burnMicroPerHour: bigint;
  readonly exhaustsAtMs: number | null;
  readonly stopsAtMs: number | null;
}

/** An account that may be listed. */
export interface FleetCandidate {
  readonly accountId: number;
  readonly foldedName: string;
  readonly createdAtMs: number;
}

export interface FleetAccount extends FleetCandidate {
  readonly position: FleetPosition;
}

/** The sums of one state. */
export interface StateTotals {
  readonly accounts: number;
  readonly remainingMicro: bigint;
  readonly burnMicroPerHour: bigint;
}

export interface FleetTotals extends StateTotals {
  /** The debt of the accounts in debt, as a positive number. */
  readonly owedMicro: bigint;
  /** Accounts with a running deployment that costs something. */
  readonly burning: number;
  readonly byState: Readonly<Record<CreditState, StateTotals>>;
}

/** The accounts that match a question, in its order; ties by id, missing values last. */
export function selectFleet(
  accounts: readonly FleetAccount[],
  question: FleetQuestion,
): readonly FleetAccount[] {
  const { states, stopsBeforeMs, field, direction } = question;
  const found = accounts.filter(
    ({ position: { state, stopsAtMs } }) =>
      (states === null || states.includes(state)) &&
      (stopsBeforeMs === null || (stopsAtMs !== null && stopsAtMs < stopsBeforeMs)),
  );
  const sign = direction === 'DESC' ? -1 : 1;
  return found.sort((a, b) => {
    if (field === null) return sign * (a.accountId - b.accountId);
    const [of, to] = [valueOf(a, field), valueOf(b, field)];
    if (of === to) return a.accountId - b.accountId;
    if (of === null || to === null) return of === null ? 1 : -1;
    return of < to ? -sign : sign;
  });
}

function valueOf(account: FleetAccount, field: AccountOrderField): string | number | bigint | null {
  switch (field) {
    case 'NAME':
      return account.foldedName;
    case 'CREATED_AT':
      return account.createdAtMs;
    case 'STOPS_AT':
      return account.position.stopsAtMs;
    case 'REMAINING':
      return account.position.remainingMicro;
    case 'BURN_RATE':
      return account.position.burnMicroPerHour;
  }
}

/** The totals of accounts. */
export function totalsOf(positions: readonly FleetPosition[]): FleetTotals {
  const sumOf = (some: readonly FleetPosition[]): StateTotals => ({
    accounts: some.length,
    remainingMicro: some.reduce((sum, { remainingMicro }) => sum + remainingMicro, 0n),
    burnMicroPerHour: some.reduce((sum, { burnMicroPerHour }) => sum + burnMicroPerHour, 0n),
  });
  const inState = (state: CreditState): StateTotals =>
    sumOf(positions.filter((position) => position.state === state));
  const inDebt = positions.filter(({ remainingMicro }) => remainingMicro < 0n);
  return {
    ...sumOf(positions),
    owedMicro: -sumOf(inDebt).remainingMicro,
    burning: positions.filter(({ burnMicroPerHour }) => burnMicroPerHour > 0n).length,
    byState: {
      OK: inState(creditStates.OK),
      LOW: inState(creditStates.LOW),
      EXHAUSTED: inState(creditStates.EXHAUSTED),
      STOPPED: inState(creditStates.STOPPED),
    },
  };
}

/** Which rows of a list to show: those after one and before another, the first or the last of them. */
export interface RowWindow {
  readonly after: number | null;
  readonly before: number | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
}

/** The rows [begin, end) that a window shows of a list of `count`. */
export function cutWindow(
  { after, before, limit, isFromEnd }: RowWindow,
  count: number,
): { readonly begin: number; readonly end: number } {
  const from = Math.min(after === null ? 0 : after + 1, count);
  const to = Math.max(Math.min(before ?? count, count), from);
  return isFromEnd
    ? { begin: Math.max(to - limit, from), end: to }
    : { begin: from, end: Math.min(from + limit, to) };
}
