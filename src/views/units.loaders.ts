// Sums by unit, read as all sums are: together for every field of an answer that asks for them.

import { groupBy } from '../core/group.ts';
import { byContent, loader, rowLoader } from '../graphql/loader.ts';
import { planTiers } from '../rollups/tier-plan.ts';
import { foldedUpToLoader, type SumsOf, tailOf } from './sums.loaders.ts';
import type { UnitSum } from './sums.ts';
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

/** The sums of events that have a unit, of the grain `resource`. In no order. */
export const unitSumsLoader = loader<SumsOf, readonly UnitSum[]>(async (tx, questions, context) => {
  const planned = await Promise.all(
    questions.map(async (question): Promise<UnitSumsQuestion | null> => {
      const { accountId, edgesMs, written } = question;
      const folded = await unitsFoldedUpToLoader(context).load({ accountId });
      if (folded === null) return null;
      const { lastSeq } = written ?? (await foldedUpToLoader(context).load(accountId));
      const { watermark, change, timeZone } = folded;
      const tail = tailOf(watermark, lastSeq);
      return { ...question, watermark, change, tail, tierPlan: planTiers(edgesMs, timeZone) };
    }),
  );
  const asked = planned.filter((question) => question !== null);
  const answers = new Map<UnitSumsQuestion, readonly UnitSum[]>();
  for (const group of groupBy(asked, ({ subjectIds }) => subjectIds === null).values()) {
    const sums = await loadUnitSums(tx, group);
    group.forEach((question, index) => answers.set(question, sums[index] ?? []));
  }
  return planned.map((question) => (question === null ? [] : (answers.get(question) ?? [])));
}, byContent);
