// The demo's history as a list of deeds in order of time. It follows from the day of the first start alone: planning it
// again gives the same deeds, so a seed that was interrupted is simply lived again.

import type { OpenAccountRequest } from '../../credits/credit-account.service.ts';
import type {
  CreateHardwareProfileRequest,
  SetHardwareRateRequest,
} from '../../catalogue/rates.ts';
import type { AllocateRequest } from '../../settlement/allocation.ts';
import type { RegisterRequest } from '../../resources/registration.ts';
import type { ResourceRef } from '../../resources/resource.ts';
import type { Report } from '../../recording/ingest.service.ts';
import { DEMO_PROFILES, DEMO_RATE_CHANGE } from './catalogue.ts';
import { DEMO_ZONE, type DemoDays, HISTORY_DAYS } from './days.ts';
import { hostedOf, type Turn } from './hosting.ts';
import { loadOf, PLAN_CREDITS } from './load.ts';
import { DOUBLE_CHARGE, type DemoUsage, SCANNER_LOOP, usageOf } from './usage.ts';
import { DEMO_WORKFLOWS } from './workflows.ts';

export const DEMO_EXTERNAL_ID = 'demo';
const PLAN_RUNS = 10_000n;
/** From here on usage is reported each day, before that each week: it is the same, in fewer calls. */
const DAILY_REPORTS_AGO = 31;
const EVENTS_PER_REPORT = 2_500;

/** One call of a service. */
export type Deed = { readonly atMs: number } & (
  | { readonly deed: 'PROFILE'; readonly request: CreateHardwareProfileRequest }
  | { readonly deed: 'RATE'; readonly request: SetHardwareRateRequest }
  | { readonly deed: 'ALLOCATE'; readonly request: AllocateRequest }
  | { readonly deed: 'VOID_ALLOCATION'; readonly request: AllocateRequest; readonly reason: string }
  | { readonly deed: 'REGISTER'; readonly request: RegisterRequest }
  | { readonly deed: 'TURN'; readonly resource: ResourceRef; readonly turn: Turn }
  | { readonly deed: 'WORKFLOW'; readonly resource: ResourceRef; readonly isDeployed: boolean }
  | { readonly deed: 'RECORD'; readonly reports: readonly Report[] }
  | {
      readonly deed: 'VOID';
      readonly source: string;
      readonly eventId: string;
      readonly reason: string;
    }
);

/** What the demo account is created with. */
export function demoAccount(days: DemoDays): OpenAccountRequest {
  return {
    name: 'Nordlicht Versand GmbH',
    externalId: DEMO_EXTERNAL_ID,
    timeZone: DEMO_ZONE,
    notificationEmails: ['automation@nordlicht-versand.example'],
    cycleDay: days.cycleDay,
    createdAt: days.createdAtMs,
    lowCredit: '10',
    negativeLimit: '-25',
    fineTuningMinimum: '25',
  };
}

/** All deeds up to an instant, in order of time. */
export function planDemo(days: DemoDays, untilMs: number): readonly Deed[] {
  const usage = usageOf(days, loadOf(days), HISTORY_DAYS - 1);
  const deeds = [
    ...catalogueDeeds(days),
    ...allocationDeeds(days),
    ...registrations(days),
    ...lifecycle(days),
    ...reportsOf(usage, { days, untilMs }),
    ...voids(days),
  ];
  return deeds.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
}

function catalogueDeeds(days: DemoDays): readonly Deed[] {
  const { hardware, creditsPerHour, announcedAgo, effectiveAgo } = DEMO_RATE_CHANGE;
  return [
    ...DEMO_PROFILES.map((request): Deed => ({ atMs: days.createdAtMs, deed: 'PROFILE', request })),
    {
      atMs: days.at(announcedAgo, 10),
      deed: 'RATE',
      request: { hardware, creditsPerHour, effectiveFrom: days.at(effectiveAgo) },
    },
  ];
}

function allocationDeeds(days: DemoDays): readonly Deed[] {
  const plan = { source: 'PLAN', everyCycle: true, note: 'Team plan' } as const;
  const plans = [
    { ...plan, amount: String(PLAN_CREDITS), idempotencyKey: 'plan-credits' },
    {
      ...plan,
      unit: 'WORKFLOW_RUNS' as const,
      amount: String(PLAN_RUNS),
      idempotencyKey: 'plan-runs',
    },
  ].map((request): Deed => ({ atMs: days.createdAtMs, deed: 'ALLOCATE', request }));
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
      deed: 'ALLOCATE',
      request: {
        amount: '60',
        source: 'TOP_UP',
        effectiveAt: days.at(124, 11, 45),
        expiresAt: saleCycle?.toMs ?? null,
        note: 'For the two weeks of the sale',
        idempotencyKey: 'top-up-sale',
      },
    },
    { atMs: days.at(210, 12), deed: 'ALLOCATE', request: promotion },
    {
      atMs: days.at(208, 9, 20),
      deed: 'VOID_ALLOCATION',
      request: promotion,
      reason: 'The campaign was meant for new accounts only',
    },
  ];
}

function registrations(days: DemoDays): readonly Deed[] {
  const workflows = DEMO_WORKFLOWS.map(({ externalId, name, owner, registeredAgo }) => ({
    registeredAgo,
    registration: { kind: 'WORKFLOW', externalId, name, owner } as const,
  }));
  return [...hostedOf(days), ...workflows].map(({ registeredAgo, registration }): Deed => ({
    atMs: days.at(registeredAgo, 9, 45),
    deed: 'REGISTER',
    request: registration,
  }));
}

function lifecycle(days: DemoDays): readonly Deed[] {
  const turns = hostedOf(days).flatMap(({ registration, turns: all }) =>
    all.map((turn): Deed => ({ atMs: turn.atMs, deed: 'TURN', resource: registration, turn })),
  );
  const workflows = DEMO_WORKFLOWS.flatMap(({ externalId, deployedAgo, undeployedAgo }) => {
    const resource = { kind: 'WORKFLOW', externalId } as const;
    const at = (ago: number | null, isDeployed: boolean): readonly Deed[] =>
      ago === null ? [] : [{ atMs: days.at(ago, 16, 30), deed: 'WORKFLOW', resource, isDeployed }];
    return [...at(deployedAgo, true), ...at(undeployedAgo, false)];
  });
  return [...turns, ...workflows];
}

function voids(days: DemoDays): readonly Deed[] {
  const { source, ago, voidedAgo, events } = SCANNER_LOOP;
  const loop = Array.from({ length: events }, (_, index): Deed => ({
    atMs: days.at(voidedAgo, 9, 10 + index),
    deed: 'VOID',
    source,
    eventId: `loop-${index + 1}`,
    reason: `The scanner sent the same pages again and again, ${ago - voidedAgo} day before`,
  }));
  return [
    ...loop,
    {
      atMs: days.at(DOUBLE_CHARGE.voidedAgo, 10, 25),
      deed: 'VOID',
      source: DOUBLE_CHARGE.source,
      eventId: DOUBLE_CHARGE.eventId,
      reason: 'The job was charged twice',
    },
  ];
}

// Each report holds what became known since the one before, and none reaches over the end of a billing cycle.
function reportsOf(
  usage: readonly DemoUsage[],
  { days, untilMs }: { readonly days: DemoDays; readonly untilMs: number },
): readonly Deed[] {
  const known = usage
    .filter(({ knownAtMs }) => knownAtMs < untilMs)
    .sort((a, b) => a.knownAtMs - b.knownAtMs);
  const deeds: Deed[] = [];
  let next = 0;
  for (const endMs of reportEnds(days, untilMs)) {
    let batch: DemoUsage[] = [];
    for (let one = known[next]; one !== undefined && one.knownAtMs < endMs; one = known[next]) {
      batch.push(one);
      next += 1;
      if (batch.length < EVENTS_PER_REPORT) continue;
      deeds.push({ atMs: endMs - 1, deed: 'RECORD', reports: batch.map(reportOf) });
      batch = [];
    }
    if (batch.length > 0) {
      deeds.push({ atMs: endMs - 1, deed: 'RECORD', reports: batch.map(reportOf) });
    }
  }
  return deeds;
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

function reportOf(usage: DemoUsage): Report {
  const { source, eventId, occurredAtMs, fields, hosting } = usage;
  if (hosting === null) {
    return { as: 'event', fields: { source, eventId, occurredAt: occurredAtMs, ...fields } };
  }
  const { hardware, toMs: to } = hosting;
  return {
    as: 'period',
    fields: { source, eventId, hardware, from: occurredAtMs, to, ...fields },
  };
}
