// Sums by unit, read as all sums are: together for every field of an answer that asks for them.

import { byContent, loader, rowLoader } from '../graphql/loader.ts';
import { planTiers } from '../rollups/tier-plan.ts';
import { archivedAmong, type SumsOf, tailOf } from './sums.loaders.ts';
import type { UnitSum } from './sums.ts';
import { foldedUpToLoader } from './tail.loaders.ts';
import type { FoldedUpTo } from './tail.store.ts';
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

/** A question with its plan, and whether some of its account's events are archived. */
type PlannedUnits = UnitSumsQuestion & Pick<FoldedUpTo, 'hasArchives'>;

/** A question about all of an account: a panel finds its resource among them. */
export type UnitSumsOf = Omit<SumsOf, 'grain' | 'subjectIds' | 'nowMs'>;

/** The sums of events that have a unit, of each resource and model. In no order. ARCHIVED where events are read that are archived. */
export const unitSumsLoader = loader<UnitSumsOf, readonly UnitSum[]>(
  async (tx, questions, context) => {
    const planned = await Promise.all(
      questions.map(async ({ accountId, written, edgesMs }): Promise<PlannedUnits | null> => {
        const folded = await unitsFoldedUpToLoader(context).load({ accountId });
        if (folded === null) return null;
        const now = await foldedUpToLoader(context).load(accountId);
        const { lastSeq } = written ?? now;
        const { watermark, change, timeZone } = folded;
        const tail = tailOf(watermark, lastSeq);
        const tierPlan = planTiers(edgesMs, { timeZone, underDay: 'QUARTER_HOURS' });
        const asked = { accountId, written, edgesMs, subjectIds: null };
        const { hasArchives } = now;
        return { ...asked, watermark, change, tail, tierPlan, hasArchives };
      }),
    );
    const known = planned.filter((question) => question !== null);
    const errors = await archivedAmong(tx, known);
    const asked = known.filter((question) => !errors.has(question));
    const sums = asked.length === 0 ? [] : await loadUnitSums(tx, asked);
    const answers = new Map(asked.map((question, index) => [question, sums[index] ?? []]));
    return planned.map((question) =>
      question === null ? [] : (errors.get(question) ?? answers.get(question) ?? []),
    );
  },
  byContent,
);
