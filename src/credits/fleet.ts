// Many accounts with their positions at one instant: which of them are asked for, in which order, and what they add up to.

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

/** What is asked for; null is no condition. Two that are alike ask for the same list. */
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

/** Where an account's credits stand. */
export interface FleetPosition {
  /** The account's now: for a test account its own. */
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
  /** What the accounts in debt owe, as a positive number. */
  readonly owedMicro: bigint;
  /** Accounts with something that runs and costs. */
  readonly burning: number;
  readonly byState: Readonly<Record<CreditState, StateTotals>>;
}

/** The accounts that a question asks for, in its order; ties by id, and what has no value stands last. */
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

/** What accounts add up to. */
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

/** Which rows of a list: those after one and before another, the first or the last so many of them. */
export interface RowWindow {
  readonly after: number | null;
  readonly before: number | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
}

/** The rows [begin, end) of a list of `count` that a window shows. */
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
