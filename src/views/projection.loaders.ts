import type { Account } from '../account/account.ts';
import { stateLoader } from '../credits/balance.loaders.ts';
import type { AccountState } from '../engine/state.ts';
import type { RequestContext } from '../graphql/context.ts';
import { firstEventLoader } from './first-use.loaders.ts';
import {
  type Ahead,
  availableFromMs,
  edgesOfStretches,
  type EventProjection,
  projectEvents,
  runToCycleEnd,
  stretchesAhead,
} from './projection.ts';
import { storedSumsLoader } from './sums.loaders.ts';

/** What an account will have used by the end of its running cycle. */
export interface Projection {
  readonly state: AccountState;
  readonly ahead: Ahead;
  /** From when on there is enough history. */
  readonly availableFromMs: number;
  /** Null where there is too little history. */
  readonly events: EventProjection | null;
}

/** The projection of an account. All those of an answer are read together. */
export async function readProjection(
  context: RequestContext,
  { accountId, createdAtMs }: Account,
): Promise<Projection> {
  const [state, firstEventAtMs] = await Promise.all([
    stateLoader(context).load(accountId),
    firstEventLoader(context).load(accountId),
  ]);
  const stretches = stretchesAhead(state);
  const ahead = runToCycleEnd(state, stretches);
  const fromMs = availableFromMs(state.timeZone, firstEventAtMs ?? createdAtMs);
  // Nothing is expected of a closed account, so it needs no history.
  const isClosed = state.closedAtMs !== null;
  if (!isClosed && fromMs > state.atMs) {
    return { state, ahead, availableFromMs: fromMs, events: null };
  }
  const sums = isClosed
    ? []
    : await storedSumsLoader(context).load({
        accountId,
        written: null,
        edgesMs: edgesOfStretches(stretches),
        nowMs: state.atMs,
        grain: 'account',
        subjectIds: null,
      });
  const events = projectEvents(state, { stretches, sums, ahead });
  return { state, ahead, availableFromMs: fromMs, events };
}
