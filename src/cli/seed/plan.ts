// The demo's history as a list of steps in order of time. It follows from the day of the first start alone. Planning it
// again gives the same steps, so an interrupted seed is simply run again.

import type { OpenAccountRequest } from '../../credits/credit-account.service.ts';
import type { AllocateRequest } from '../../settlement/allocation.ts';
import { DEMO_PROFILES, DEMO_RATE_CHANGE } from './catalogue.ts';
import { DEMO_ZONE, DemoDays, HISTORY_DAYS } from './days.ts';
import { hostedOf } from './hosting.ts';
import { loadOf, PLAN_CREDITS } from './load.ts';
import { type DemoUsage, reportOf } from './report.ts';
import { type DemoStep, type DemoTale, firstPrice } from './tale.ts';
import { DOUBLE_CHARGE, SCANNER_LOOP, usageOf } from './usage.ts';
import { DEMO_WORKFLOWS } from './workflows.ts';

export const DEMO_EXTERNAL_ID = 'demo';
const DOMAIN = 'nordlicht-versand.example';
const PLAN_RUNS = 10_000n;
/** From here on usage is reported daily, before that weekly: the same usage in fewer calls. */
const DAILY_REPORTS_AGO = 31;
const EVENTS_PER_REPORT = 2_500;

/** 13 months of everything, up to about 70 % of the running cycle's credits. */
export const DEMO: DemoTale = {
  externalId: DEMO_EXTERNAL_ID,
  shows: '13 months of everything',
  firstStartOf: (createdAtMs) => DemoDays.ofCreation(createdAtMs).at(0),
  storyOf: (firstStartMs, untilMs) => {
    const days = DemoDays.ofFirstStart(firstStartMs);
    return {
      account: demoAccount(days),
      domain: DOMAIN,
      steps: () => planDemo(days, Math.min(untilMs, days.endMs)),
    };
  },
};

function demoAccount(days: DemoDays): OpenAccountRequest & { readonly createdAt: number } {
  return {
    name: 'Nordlicht Versand GmbH',
    externalId: DEMO_EXTERNAL_ID,
    timeZone: DEMO_ZONE,
    notificationEmails: [`automation@${DOMAIN}`],
    cycleDay: days.cycleDay,
    createdAt: days.createdAtMs,
    lowCredit: '10',
    negativeLimit: '-25',
    fineTuningMinimum: '25',
  };
}

/** All steps up to an instant, in order of time. */
export function planDemo(days: DemoDays, untilMs: number): readonly DemoStep[] {
  const usage = usageOf(days, loadOf(days), HISTORY_DAYS - 1);
  const steps = [
    ...catalogueSteps(days),
    ...priceSteps(days),
    ...allocationSteps(days),
    ...registrations(days),
    ...lifecycle(days),
    ...reportsOf(usage, { days, untilMs }),
    ...voids(days),
  ];
  return steps.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
}

function catalogueSteps(days: DemoDays): readonly DemoStep[] {
  const { hardware, creditsPerHour, announcedAgo, effectiveAgo } = DEMO_RATE_CHANGE;
  return [
    ...DEMO_PROFILES.map((request): DemoStep => ({
      atMs: days.createdAtMs,
      kind: 'PROFILE',
      request,
    })),
    {
      atMs: days.at(announcedAgo, 10),
      kind: 'RATE',
      request: { hardware, creditsPerHour, effectiveFrom: days.at(effectiveAgo) },
    },
  ];
}

/** Half a year ago a better price was agreed. */
function priceSteps(days: DemoDays): readonly DemoStep[] {
  const price = { currency: 'EUR', listPerCredit: '0.3' } as const;
  return [
    firstPrice(days.createdAtMs, { ...price, contractedPerCredit: '0.27' }),
    {
      atMs: days.at(182, 10),
      kind: 'PRICE',
      request: { ...price, contractedPerCredit: '0.25', effectiveFrom: days.at(180) },
    },
  ];
}

function allocationSteps(days: DemoDays): readonly DemoStep[] {
  const plan = { source: 'PLAN', everyCycle: true, note: 'Team plan' } as const;
  const plans = [
    { ...plan, amount: String(PLAN_CREDITS), idempotencyKey: 'plan-credits' },
    {
      ...plan,
      unit: 'WORKFLOW_RUNS' as const,
      amount: String(PLAN_RUNS),
      idempotencyKey: 'plan-runs',
    },
  ].map((request): DemoStep => ({ atMs: days.createdAtMs, kind: 'ALLOCATE', request }));
  const promotion: AllocateRequest = {
    amount: '25',
    source: 'PROMOTION',
    effectiveAt: days.at(210, 12),
    expiresAt: days.at(120),
    note: 'Partner campaign',
    idempotencyKey: 'promotion-campaign',
  };
  const saleCycle = days.cycles().find(({ toMs }) => toMs > days.at(124));
  return [
    ...plans,
    {
      atMs: days.at(124, 11, 45),
      kind: 'ALLOCATE',
      request: {
        amount: '60',
        source: 'TOP_UP',
        effectiveAt: days.at(124, 11, 45),
        expiresAt: saleCycle?.toMs ?? null,
        note: 'For the two weeks of the sale',
        idempotencyKey: 'top-up-sale',
      },
    },
    { atMs: days.at(210, 12), kind: 'ALLOCATE', request: promotion },
    {
      atMs: days.at(208, 9, 20),
      kind: 'VOID_ALLOCATION',
      request: promotion,
      reason: 'The campaign was meant for new accounts only',
    },
  ];
}

function registrations(days: DemoDays): readonly DemoStep[] {
  const workflows = DEMO_WORKFLOWS.map(({ externalId, name, owner, registeredAgo }) => ({
    registeredAgo,
    registration: { kind: 'WORKFLOW', externalId, name, owner } as const,
  }));
  return [...hostedOf(days), ...workflows].map(({ registeredAgo, registration }): DemoStep => ({
    atMs: days.at(registeredAgo, 9, 45),
    kind: 'REGISTER',
    requests: [registration],
  }));
}

function lifecycle(days: DemoDays): readonly DemoStep[] {
  const turns = hostedOf(days).flatMap(({ registration, turns: all }) =>
    all.map((turn): DemoStep => ({ atMs: turn.atMs, kind: 'TURN', resource: registration, turn })),
  );
  const workflows = DEMO_WORKFLOWS.flatMap(({ externalId, deployedAgo, undeployedAgo }) => {
    const resource = { kind: 'WORKFLOW', externalId } as const;
    const at = (ago: number | null, isDeployed: boolean): readonly DemoStep[] =>
      ago === null ? [] : [{ atMs: days.at(ago, 16, 30), kind: 'WORKFLOW', resource, isDeployed }];
    return [...at(deployedAgo, true), ...at(undeployedAgo, false)];
  });
  return [...turns, ...workflows];
}

function voids(days: DemoDays): readonly DemoStep[] {
  const { source, ago, voidedAgo, events } = SCANNER_LOOP;
  const loop = Array.from({ length: events }, (_, index): DemoStep => ({
    atMs: days.at(voidedAgo, 9, 10 + index),
    kind: 'VOID',
    source,
    eventId: `loop-${index + 1}`,
    reason: `The scanner sent the same pages again and again, ${ago - voidedAgo} day before`,
  }));
  return [
    ...loop,
    {
      atMs: days.at(DOUBLE_CHARGE.voidedAgo, 10, 25),
      kind: 'VOID',
      source: DOUBLE_CHARGE.source,
      eventId: DOUBLE_CHARGE.eventId,
      reason: 'The job was charged twice',
    },
  ];
}

// Each report contains what became known since the previous one, and none spans the end of a billing cycle.
function reportsOf(
  usage: readonly DemoUsage[],
  { days, untilMs }: { readonly days: DemoDays; readonly untilMs: number },
): readonly DemoStep[] {
  const known = usage
    .filter(({ knownAtMs }) => knownAtMs < untilMs)
    .sort((a, b) => a.knownAtMs - b.knownAtMs);
  const steps: DemoStep[] = [];
  let next = 0;
  for (const endMs of reportEnds(days, untilMs)) {
    let batch: DemoUsage[] = [];
    for (let one = known[next]; one !== undefined && one.knownAtMs < endMs; one = known[next]) {
      batch.push(one);
      next += 1;
      if (batch.length < EVENTS_PER_REPORT) continue;
      steps.push({ atMs: endMs - 1, kind: 'RECORD', reports: batch.map(reportOf) });
      batch = [];
    }
    if (batch.length > 0) {
      steps.push({ atMs: endMs - 1, kind: 'RECORD', reports: batch.map(reportOf) });
    }
  }
  return steps;
}

function reportEnds(days: DemoDays, untilMs: number): readonly number[] {
  const cycleEnds = new Set(days.cycles().map(({ toMs }) => toMs));
  const ends = days
    .all(HISTORY_DAYS, 0)
    .filter(
      ({ ago, endMs }) =>
        ago <= DAILY_REPORTS_AGO || days.weekday(ago) === 6 || cycleEnds.has(endMs),
    )
    .map(({ endMs }) => endMs)
    .filter((endMs) => endMs < untilMs);
  return [...ends, untilMs];
}
