// The demo's workflows and how often they ran.

import { HOUR_MS } from '../../core/range.ts';
import type { DemoDay } from './days.ts';
import { chanceOf } from './random.ts';
import { OWNERS } from './hosting.ts';

/** When in a day a workflow runs. */
type Rhythm = 'OFFICE' | 'CUSTOMERS' | 'NIGHT' | 'MORNING';

export interface DemoWorkflow {
  readonly externalId: string;
  readonly name: string;
  readonly owner: string;
  readonly registeredAgo: number;
  /** Null while it is in development. */
  readonly deployedAgo: number | null;
  readonly undeployedAgo: number | null;
  /** On a workday at the end of the story. */
  readonly runsPerWorkday: number;
  /** Share of that on other days. */
  readonly weekendShare: number;
  readonly rhythm: Rhythm;
}

/** Runs of one workflow within one hour, as the engine reports them. */
export interface HourOfRuns {
  readonly externalId: string;
  readonly startedMs: number;
  readonly runs: number;
}

/** Share of each hour's runs in a day's, in thousandths. */
const HOURS: Readonly<Record<Rhythm, readonly number[]>> = {
  OFFICE: [
    0, 0, 0, 0, 0, 0, 10, 40, 95, 130, 125, 100, 60, 85, 115, 105, 75, 40, 15, 5, 0, 0, 0, 0,
  ],
  CUSTOMERS: [
    8, 4, 3, 2, 2, 5, 15, 40, 70, 85, 85, 75, 60, 60, 65, 65, 65, 65, 60, 60, 50, 35, 16, 5,
  ],
  NIGHT: [0, 200, 300, 300, 200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  MORNING: [0, 0, 0, 0, 0, 0, 0, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
};

const { mara, jonas, aylin, tobias, priya } = OWNERS;

export const DEMO_WORKFLOWS: readonly DemoWorkflow[] = [
  workflow('ticket-triage', 'Support ticket triage', aylin, [392, 390], [84, 0.45, 'CUSTOMERS']),
  workflow('invoice-intake', 'Invoice intake', jonas, [391, 384], [62, 0.06, 'OFFICE']),
  workflow('order-status', 'Order status replies', aylin, [348, 341], [48, 0.7, 'CUSTOMERS']),
  workflow('return-labels', 'Return label requests', mara, [301, 290], [31, 0.6, 'CUSTOMERS']),
  workflow('supplier-prices', 'Supplier price check', tobias, [266, 259], [14, 0, 'OFFICE']),
  workflow('customs-papers', 'Customs paperwork', mara, [147, 139], [9, 0, 'OFFICE']),
  workflow('address-cleanup', 'Address clean-up', tobias, [330, 327], [8, 1, 'NIGHT']),
  workflow('sales-digest', 'Daily sales digest', priya, [310, 309], [1, 1, 'MORNING']),
  workflow('newsletter-drafts', 'Newsletter drafts', priya, [263, 251, 92], [6, 0, 'OFFICE']),
  workflow('contract-review', 'Contract clause review', mara, [58], [0, 0, 'OFFICE']),
  workflow('slot-planner', 'Warehouse slot planner', tobias, [34], [0, 0, 'OFFICE']),
  workflow('complaint-mood', 'Complaint mood', aylin, [11], [0, 0, 'OFFICE']),
];

/** A workflow's runs on one day, by the hours that have any. */
export function runsOn(workflow: DemoWorkflow, day: DemoDay): readonly HourOfRuns[] {
  if (!isLive(workflow, day)) return [];
  const { externalId, runsPerWorkday, weekendShare, rhythm } = workflow;
  const chance = chanceOf(`runs/${externalId}/${day.date}`);
  // Schedules run as often in quiet weeks as in busy ones.
  const isPunctual = rhythm === 'MORNING';
  const activity = isPunctual ? 1 : day.activity;
  const expected = runsPerWorkday * activity * (day.isWorkday ? 1 : weekendShare);
  const hours: HourOfRuns[] = [];
  for (const [hour, share] of HOURS[rhythm].entries()) {
    if (share === 0) continue;
    const spread = isPunctual ? 1 : 0.5 + chance.unit();
    const runs = Math.floor(((expected * share) / 1_000) * spread + chance.unit());
    const startedMs = day.startMs + hour * HOUR_MS + chance.whole(0, HOUR_MS - 1);
    // At a clock change the day's last hour would belong to the next day.
    if (runs > 0 && startedMs < day.endMs) hours.push({ externalId, startedMs, runs });
  }
  return hours;
}

function isLive({ deployedAgo, undeployedAgo }: DemoWorkflow, { ago }: DemoDay): boolean {
  return deployedAgo !== null && ago < deployedAgo && ago > (undeployedAgo ?? -1);
}

function workflow(
  externalId: string,
  name: string,
  owner: string,
  ...[[registeredAgo, deployedAgo, undeployedAgo], [runsPerWorkday, weekendShare, rhythm]]: [
    days: readonly [registeredAgo: number, deployedAgo?: number, undeployedAgo?: number],
    load: readonly [runsPerWorkday: number, weekendShare: number, rhythm: Rhythm],
  ]
): DemoWorkflow {
  return {
    externalId,
    name,
    owner,
    registeredAgo,
    deployedAgo: deployedAgo ?? null,
    undeployedAgo: undeployedAgo ?? null,
    runsPerWorkday,
    weekendShare,
    rhythm,
  };
}
