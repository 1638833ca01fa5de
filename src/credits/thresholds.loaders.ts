import { groupBy } from '../core/group.ts';
import type { AlertRule } from '../engine/alert-rules.ts';
import { loader } from '../graphql/loader.ts';
import { listThresholds, type Threshold } from '../settlement/thresholds.store.ts';
import { stateLoader } from './balance.loaders.ts';

/** A threshold with its present alert rule. */
export interface ThresholdNow {
  readonly threshold: Threshold;
  readonly rule: AlertRule;
}

/** The present thresholds of accounts, by account id. */
export const thresholdsLoader = loader<number, readonly ThresholdNow[]>(
  async (tx, accountIds, context) => {
    const byAccount = groupBy(await listThresholds(tx, accountIds), ({ accountId }) => accountId);
    const states = await Promise.all(accountIds.map((id) => stateLoader(context).load(id)));
    return states.map(({ accountId, alertRules }) => {
      const ruleOf = new Map(alertRules.map((rule) => [rule.ruleId, rule]));
      return (byAccount.get(accountId) ?? []).flatMap((threshold) => {
        const rule = ruleOf.get(threshold.ruleId);
        return rule === undefined ? [] : [{ threshold, rule }];
      });
    });
  },
);
