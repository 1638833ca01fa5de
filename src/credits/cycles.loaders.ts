import type { RequestContext } from '../graphql/context.ts';
import { rowLoader } from '../graphql/loader.ts';
import { countCycles, type CycleRef, listCycles, loadCycles } from '../settlement/cycles.store.ts';
import type { CycleRecord } from '../settlement/state.store.ts';

export type { CycleRecord, CycleRef };

/** Ended cycles, by account and id; null where there is no row. */
export const cycleLoader = rowLoader(
  loadCycles,
  ({ accountId, cycleId }: CycleRef) => `${accountId}.${cycleId}`,
);

/** Stored cycles of an account before one, newest first. */
export async function readCycles(
  context: RequestContext,
  page: Parameters<typeof listCycles>[1],
): Promise<readonly CycleRecord[]> {
  return listCycles(await context.reader(), page);
}

/** How many cycles of an account are stored. */
export async function readCycleCount(context: RequestContext, accountId: number): Promise<number> {
  return countCycles(await context.reader(), accountId);
}
