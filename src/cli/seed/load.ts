// How much work there is. In the running cycle it is scaled so that the credits used reach the share that the demo should
// show, however long the cycle has run. Hosting and storage are not scaled.

import { floorDiv, MICRO_PER_CREDIT } from '../../core/micro.ts';
import { intersect, type Range } from '../../core/range.ts';
import { chargedMicro } from '../../hosting/charge.ts';
import { DEMO_RATE_CHANGE, demoRateMicro } from './catalogue.ts';
import type { DemoDays } from './days.ts';
import { hostedOf, type Stretch, stretchesOf } from './hosting.ts';
import type { DemoUsage } from './report.ts';
import { chargedUsageOf, isTakenBack, type Load } from './usage.ts';

/** Each cycle's plan. */
export const PLAN_CREDITS = 300n;
/** How much of it is used on the day of the first start, at this hour. */
const USED_PERCENT = 70n;
const USED_AT_HOUR = 14;
const USUAL_LOAD = 1_000;
const LOAD_MIN = 250;
const LOAD_MAX = 3_000;
/** The running cycle began after this day. */
const BEFORE_RUNNING_CYCLE_AGO = 25;

/** The usual load up to the running cycle, and in it the one that leads to USED_PERCENT. */
export function loadOf(days: DemoDays): Load {
  const runningFromMs = days.cycles().at(-1)?.fromMs ?? 0;
  const soFar = { fromMs: runningFromMs, toMs: days.at(0, USED_AT_HOUR) };
  const usage = chargedUsageOf(days, () => USUAL_LOAD, BEFORE_RUNNING_CYCLE_AGO).filter(
    (one) => !isTakenBack(one),
  );
  const isStorage = (one: DemoUsage): boolean => one.fields['type'] === 'STORAGE';
  const storageMicro = sumWithin(usage.filter(isStorage), soFar);
  const loadMicro = sumWithin(usage, soFar) - storageMicro;
  const fixedMicro = storageMicro + hostingWithin(days, usage, soFar);
  const wantedMicro = floorDiv(PLAN_CREDITS * MICRO_PER_CREDIT * USED_PERCENT, 100n) - fixedMicro;
  const load = Number(floorDiv(wantedMicro * BigInt(USUAL_LOAD), loadMicro));
  const runningLoad = Math.min(Math.max(load, LOAD_MIN), LOAD_MAX);
  return (atMs) => (atMs >= runningFromMs ? runningLoad : USUAL_LOAD);
}

function sumWithin(usage: readonly DemoUsage[], range: Range): bigint {
  return usage
    .filter(({ occurredAtMs }) => occurredAtMs >= range.fromMs && occurredAtMs < range.toMs)
    .reduce((sumMicro, { creditsMicro }) => sumMicro + creditsMicro, 0n);
}

function hostingWithin(days: DemoDays, usage: readonly DemoUsage[], range: Range): bigint {
  const changeMs = days.at(DEMO_RATE_CHANGE.effectiveAgo);
  const recorded = usage.flatMap(({ hosting, occurredAtMs }): readonly Stretch[] =>
    hosting === null ? [] : [{ ...hosting, replicas: 1, fromMs: occurredAtMs }],
  );
  const lived = hostedOf(days).flatMap(({ turns }) => stretchesOf(turns));
  let sumMicro = 0n;
  for (const stretch of [...lived, ...recorded]) {
    const inside = intersect(stretch, range);
    if (inside === null) continue;
    const rateMicroPerHour = demoRateMicro(stretch.hardware, inside.fromMs, changeMs);
    sumMicro += chargedMicro({ ...stretch, ...inside, rateMicroPerHour }, inside.toMs);
  }
  return sumMicro;
}
