// Lists of accounts by their positions. All candidates are read in sets and advanced to the same now in memory, so every
// position is exact. The list is then stored for its further pages, because after a write an account's earlier position
// can no longer be computed.

import { setImmediate } from 'node:timers/promises';
import { requireScope } from '../access/authorize.ts';
import { UserInputError } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { Database, Tx } from '../db/database.ts';
import type { Balance } from './balance.service.ts';
import { balanceAt, readStates } from './balance.service.ts';
import {
  cutWindow,
  type FleetAccount,
  type FleetPosition,
  type FleetQuestion,
  type FleetTotals,
  type RowWindow,
  selectFleet,
  totalsOf,
} from './fleet.ts';
import { findView, type FleetRow, insertView, listCandidates, listRows } from './fleet.store.ts';

/** The most accounts that can be sorted by position. */
export const FLEET_MAX = 50_000;
export const VIEW_KEPT_MS = 15 * 60_000;
const ACCOUNTS_PER_SET = 250;
/** How many accounts are computed before other requests get a turn: a forecast over ten years may take milliseconds. */
const ACCOUNTS_AT_A_STRETCH = 5;

/** One page of a list. */
export interface FleetPage {
  readonly madeAtMs: number;
  readonly totals: FleetTotals;
  readonly count: number;
  /** Null when one page shows everything. */
  readonly viewId: number | null;
  /** The place of the first of `rows` in the list. */
  readonly begin: number;
  readonly rows: readonly FleetRow[];
}

/** A stored list, and the argument that refers to it. */
export interface KeptView {
  readonly viewId: number;
  readonly path: readonly string[];
}

export class FleetService {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly database: Database) {}

  /**
   * The first page of a list as of `nowMs`.
   * @param reader opens the request's snapshot
   * @throws FORBIDDEN for all but operators; BAD_USER_INPUT when there are too many accounts
   */
  async list(
    actor: Actor,
    reader: () => Promise<Tx>,
    list: {
      readonly question: FleetQuestion;
      readonly window: RowWindow;
      readonly nowMs: number;
    },
  ): Promise<FleetPage> {
    requireScope(actor, 'OPERATOR');
    const { question, window, nowMs } = list;
    return this.inTurn(async () => {
      const accounts = selectFleet(await readFleet(await reader(), question, nowMs), question);
      const totals = totalsOf(accounts.map(({ position }) => position));
      const { begin, end } = cutWindow(window, accounts.length);
      const rows = accounts.slice(begin, end);
      const isWhole = rows.length === 0 || rows.length === accounts.length;
      const view = { madeAtMs: nowMs, question: JSON.stringify(question), totals, rows: accounts };
      const viewId = isWhole
        ? null
        : await this.database.inTransaction('operator', (tx) =>
            insertView(tx, view, nowMs - VIEW_KEPT_MS),
          );
      return { madeAtMs: nowMs, totals, count: accounts.length, viewId, begin, rows };
    });
  }

  /** Another page of a list. @throws FORBIDDEN; BAD_USER_INPUT when it is another list, or no longer stored */
  async page(
    actor: Actor,
    tx: Tx,
    list: {
      readonly question: FleetQuestion;
      readonly window: RowWindow;
      readonly nowMs: number;
      readonly kept: KeptView;
    },
  ): Promise<FleetPage> {
    requireScope(actor, 'OPERATOR');
    const { question, window, nowMs, kept } = list;
    const { viewId, path } = kept;
    const view = await findView(tx, viewId, nowMs - VIEW_KEPT_MS);
    const name = path.at(-1) ?? 'after';
    if (view === null) {
      throw new UserInputError(
        `${name} is a cursor of a list that is kept no longer; lists are kept for 15 minutes: begin again without it.`,
        { path },
      );
    }
    if (view.question !== JSON.stringify(question)) {
      throw new UserInputError(
        `${name} is a cursor of another order or filter: begin again without it.`,
        { path },
      );
    }
    const cut = cutWindow(window, view.count);
    return { ...view, viewId, begin: cut.begin, rows: await listRows(tx, viewId, cut) };
  }

  /** The totals of accounts as of `nowMs`. @throws FORBIDDEN, BAD_USER_INPUT as `list` */
  async totals(
    actor: Actor,
    reader: () => Promise<Tx>,
    { question, nowMs }: { readonly question: FleetQuestion; readonly nowMs: number },
  ): Promise<FleetTotals> {
    requireScope(actor, 'OPERATOR');
    return this.inTurn(async () => {
      const accounts = await readFleet(await reader(), question, nowMs);
      return totalsOf(selectFleet(accounts, question).map(({ position }) => position));
    });
  }

  // One at a time: each keeps the gateway busy for a while, and takes a connection besides its snapshot.
  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const answer = this.last.then(work, work);
    this.last = answer.catch(() => undefined);
    return answer;
  }
}

/** A balance in the form that lists store. */
export function positionOf(balance: Balance): FleetPosition {
  const { credits, atMs, state } = balance.position;
  const { exhaustsAtMs, stopsAtMs } = balance.forecast();
  return {
    asOfMs: atMs,
    state,
    allocatedMicro: credits.allocatedMicro,
    usedMicro: credits.usedMicro,
    remainingMicro: credits.balanceMicro,
    burnMicroPerHour: balance.burnMicroPerHour,
    exhaustsAtMs,
    stopsAtMs,
  };
}

async function readFleet(
  tx: Tx,
  question: FleetQuestion,
  nowMs: number,
): Promise<readonly FleetAccount[]> {
  const candidates = await listCandidates(tx, question, FLEET_MAX + 1);
  if (candidates.length > FLEET_MAX) {
    throw new UserInputError(
      `More than ${FLEET_MAX} accounts would have to be put into an order: narrow the search.`,
      { path: ['filter'] },
    );
  }
  const fleet: FleetAccount[] = [];
  for (let begin = 0; begin < candidates.length; begin += ACCOUNTS_PER_SET) {
    const set = candidates.slice(begin, begin + ACCOUNTS_PER_SET);
    const ids = set.map(({ accountId }) => accountId);
    const states = await readStates(tx, ids, nowMs, { withoutAlertRules: true });
    for (const [index, candidate] of set.entries()) {
      if (index % ACCOUNTS_AT_A_STRETCH === 0) await setImmediate();
      const state = states[index];
      if (state !== undefined) fleet.push({ ...candidate, position: positionOf(balanceAt(state)) });
    }
  }
  return fleet;
}
