import type { AccountState } from '../engine/state.ts';
import type { RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { readStandings, type Standing } from './balance.service.ts';

/** The credits of accounts at their now, by account id, with the cycles that ended since the last settlement. */
export const standingLoader = loader<number, Standing>((tx, accountIds, { nowMs }) =>
  readStandings(tx, accountIds, nowMs),
);

/** The credits of accounts at their now, by account id. */
export function stateLoader(context: RequestContext): {
  readonly load: (accountId: number) => Promise<AccountState>;
} {
  return { load: async (accountId) => (await standingLoader(context).load(accountId)).state };
}
