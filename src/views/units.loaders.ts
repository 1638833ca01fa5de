// Sums by unit, read as all sums are: together for every field of an answer that asks for them.

import { byContent, loader, rowLoader } from '../graphql/loader.ts';
import { planTiers } from '../rollups/tier-plan.ts';
import { type SumsOf, tailOf } from './sums.loaders.ts';
import type { UnitSum } from './sums.ts';
import { foldedUpToLoader } from './tail.loaders.ts';
import {
  loadUnitsFoldedUpTo,
  loadUnitSums,
  type UnitsFoldedUpTo,
  type UnitSumsQuestion,
} from './units.store.ts';

/** What of the questions' account the sums by unit count; null: it has no event with a unit. */
const unitsFoldedUpToLoader = rowLoader<Pick<UnitsFoldedUpTo, 'accountId'>, UnitsFoldedUpTo>(
  async (tx, accounts) =>
    loadUnitsFoldedUpTo(
      tx,
      accounts.map(({ accountId }) => accountId),
    ),
  ({ accountId }) => accountId,
);

/** A question about all of an account: a panel finds its resource among them. */
export type UnitSumsOf = Omit<SumsOf, 'grain' | 'subjectIds' | 'nowMs'>;

/** The sums of events that have a unit, of each resource and model. In no order. */
export const unitSumsLoader = loader<UnitSumsOf, readonly UnitSum[]>(
  async (tx, questions, context) => {
    const planned = await Promise.all(
      questions.map(async ({ accountId, written, edgesMs }): Promise<UnitSumsQuestion | null> => {
        const folded = await unitsFoldedUpToLoader(context).load({ accountId });
        if (folded === null) return null;
        const { lastSeq } = written ?? (await foldedUpToLoader(context).load(accountId));
        const { watermark, change, timeZone } = folded;
        const tail = tailOf(watermark, lastSeq);
        const tierPlan = planTiers(edgesMs, { timeZone, underDay: 'QUARTER_HOURS' });
        const asked = { accountId, written, edgesMs, subjectIds: null };
        return { ...asked, watermark, change, tail, tierPlan };
      }),
    );
    const asked = planned.filter((question) => question !== null);
    const sums = asked.length === 0 ? [] : await loadUnitSums(tx, asked);
    const answers = new Map(asked.map((question, index) => [question, sums[index] ?? []]));
    return planned.map((question) => (question === null ? [] : (answers.get(question) ?? [])));
  },
  byContent,
);
