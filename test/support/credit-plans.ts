// Plans of what happens to an account's credits: writes at increasing instants around the begin of a billing cycle, with
// what is planned (grants, expiries, rates) laid so close that much of it falls into the same millisecond.

import fc from 'fast-check';
import { cycleStartMs } from '../../src/core/calendar.ts';
import type { ThresholdMeasure } from '../../src/engine/alert-rules.ts';

/** How long until the next step: some milliseconds, or to the next planned instant and a little more or less. */
export type Gap = { readonly ms: number } | { readonly planned: number };

export type PlannedWrite =
  | { readonly what: 'usage'; readonly units: number; readonly runs: number }
  | { readonly what: 'reverse'; readonly pick: number }
  | {
      readonly what: 'allocate';
      readonly isRuns: boolean;
      readonly units: number;
      readonly priority: number;
      readonly startsIn: number;
      /** Null: never ends. */
      readonly lasts: number | null;
      readonly everyCycle: boolean;
    }
  | { readonly what: 'void'; readonly pick: number }
  | { readonly what: 'adjust'; readonly units: number }
  | { readonly what: 'policy'; readonly low: number; readonly negative: number }
  | { readonly what: 'rule'; readonly rule: PlannedAlertRule }
  | { readonly what: 'unwatch'; readonly pick: number }
  | {
      readonly what: 'hosting';
      readonly call: 'start' | 'request' | 'scale' | 'end';
      readonly resource: number;
      readonly hardware: number;
      readonly replicas: number;
      readonly lateMs: number;
    }
  | { readonly what: 'endAll' }
  | {
      readonly what: 'rate';
      readonly hardware: number;
      readonly burn: number;
      readonly inMs: number;
    }
  | { readonly what: 'zone'; readonly zone: string };

export interface PlannedAlertRule {
  readonly measure: ThresholdMeasure;
  /** Of a hundred: where within the measure's reach it lies. */
  readonly share: number;
}

export interface CreditPlan {
  readonly zone: string;
  readonly cycleDay: number;
  /** The first instant of a billing cycle. */
  readonly boundaryMs: number;
  /** How long before it the account begins. */
  readonly beforeMs: number;
  /** Micro-credits of one unit of the plan. */
  readonly unitMicro: bigint;
  /** What a replica burns an hour, in units a millisecond: one rate for each hardware, then those to come. */
  readonly rates: readonly PlannedRate[];
  readonly low: number;
  readonly negative: number;
  readonly alertRules: readonly PlannedAlertRule[];
  readonly steps: readonly { readonly gap: Gap; readonly write: PlannedWrite }[];
}

export interface PlannedRate {
  readonly hardware: number;
  /** After the account's begin. */
  readonly inMs: number;
  readonly burn: number;
  /** How long before it takes effect it is known. */
  readonly aheadMs: number;
}

export const PLAN_ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
] as const;

/** Among them the days before clocks change and the days on which they do. */
const BOUNDARIES_NEAR = [
  '2026-03-29T12:00:00Z',
  '2026-03-08T18:00:00Z',
  '2026-04-05T06:00:00Z',
  '2025-10-26T12:00:00Z',
  '2025-11-02T18:00:00Z',
  '2025-10-05T06:00:00Z',
  '2026-02-14T12:00:00Z',
].map((text) => Date.parse(text));

const grid = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 }).map((count) => count * 10) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 60 }) },
);
const units = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constantFrom(100, 200, 300));
const pick = fc.nat({ max: 99 });
const hardware = fc.integer({ min: 1, max: 2 });
const burn = fc.constantFrom(0, 0.25, 1, 1, 2, 5, 10);

const plannedAlertRule: fc.Arbitrary<PlannedAlertRule> = fc.record({
  measure: fc.constantFrom(
    'CREDITS_REMAINING' as const,
    'CREDITS_USED_PERCENT' as const,
    'RUNS_USED_PERCENT' as const,
    'HOURS_TO_STOP' as const,
  ),
  share: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(33, 50, 67, 100)),
});

const writes = {
  usage: fc.record({
    what: fc.constant('usage' as const),
    units: fc.oneof(fc.integer({ min: 0, max: 60 }), units),
    runs: fc.integer({ min: 0, max: 3 }),
  }),
  reverse: fc.record({ what: fc.constant('reverse' as const), pick }),
  allocate: fc.record({
    what: fc.constant('allocate' as const),
    isRuns: fc.boolean(),
    units,
    priority: fc.constantFrom(50, 100, 100),
    startsIn: fc.oneof(fc.constantFrom(-20, 0, 0), grid),
    lasts: fc.option(grid.map((ms) => ms + 1)),
    everyCycle: fc.boolean(),
  }),
  void: fc.record({ what: fc.constant('void' as const), pick }),
  adjust: fc.record({
    what: fc.constant('adjust' as const),
    units: fc.oneof(
      units,
      units.map((by) => -by),
    ),
  }),
  policy: fc.record({
    what: fc.constant('policy' as const),
    low: fc.nat({ max: 150 }),
    negative: fc.integer({ min: -100, max: 0 }),
  }),
  rule: fc.record({ what: fc.constant('rule' as const), rule: plannedAlertRule }),
  unwatch: fc.record({ what: fc.constant('unwatch' as const), pick }),
  hosting: fc.record({
    what: fc.constant('hosting' as const),
    call: fc.constantFrom('start', 'start', 'start', 'request', 'scale', 'end'),
    resource: fc.integer({ min: 1, max: 3 }),
    hardware,
    replicas: fc.integer({ min: 1, max: 3 }),
    lateMs: fc.oneof(fc.constant(0), fc.nat({ max: 25 })),
  }),
  endAll: fc.record({ what: fc.constant('endAll' as const) }),
  rate: fc.record({
    what: fc.constant('rate' as const),
    hardware,
    burn,
    inMs: fc.oneof(fc.constant(-3), fc.integer({ min: 1, max: 60 })),
  }),
  zone: fc.record({ what: fc.constant('zone' as const), zone: fc.constantFrom(...PLAN_ZONES) }),
};

const write: fc.Arbitrary<PlannedWrite> = fc.oneof(
  { weight: 6, arbitrary: writes.usage },
  { weight: 3, arbitrary: writes.reverse },
  { weight: 8, arbitrary: writes.allocate },
  { weight: 2, arbitrary: writes.void },
  { weight: 2, arbitrary: writes.adjust },
  { weight: 1, arbitrary: writes.policy },
  { weight: 2, arbitrary: writes.rule },
  { weight: 1, arbitrary: writes.unwatch },
  { weight: 9, arbitrary: writes.hosting },
  { weight: 1, arbitrary: writes.endAll },
  { weight: 2, arbitrary: writes.rate },
  { weight: 1, arbitrary: writes.zone },
);

const gap: fc.Arbitrary<Gap> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ ms: 0 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 25 }).map((ms) => ({ ms })) },
  { weight: 1, arbitrary: fc.constant({ ms: 10 }) },
  { weight: 3, arbitrary: fc.integer({ min: -1, max: 1 }).map((planned) => ({ planned })) },
);

const plannedRate: fc.Arbitrary<PlannedRate> = fc.record({
  hardware,
  inMs: grid,
  burn,
  aheadMs: fc.nat({ max: 40 }),
});

export const creditPlan: fc.Arbitrary<CreditPlan> = fc
  .record({
    zone: fc.constantFrom(...PLAN_ZONES),
    cycleDay: fc.oneof(fc.integer({ min: 1, max: 28 }), fc.constantFrom(1, 5, 8, 26)),
    nearMs: fc.constantFrom(...BOUNDARIES_NEAR),
    beforeMs: fc.integer({ min: 1, max: 12 }).map((count) => count * 10),
    // Up to some 10^16 micro-credits an hour for a replica.
    unitMicro: fc.constantFrom(1n, 1_000n, 1_234_567n, 300_000_000n),
    firstBurns: fc.tuple(burn, burn),
    laterRates: fc.array(plannedRate, { maxLength: 3 }),
    low: fc.nat({ max: 100 }),
    negative: fc.oneof(fc.constant(0), fc.integer({ min: -100, max: 0 })),
    alertRules: fc.array(plannedAlertRule, { maxLength: 4 }),
    steps: fc.array(fc.record({ gap, write }), { minLength: 4, maxLength: 24, size: 'max' }),
  })
  .map(({ nearMs, firstBurns, laterRates, ...plan }) => ({
    ...plan,
    boundaryMs: cycleStartMs(plan.zone, plan.cycleDay, nearMs),
    rates: [
      ...firstBurns.map((first, index) => ({
        hardware: index + 1,
        inMs: -1_000_000,
        burn: first,
        aheadMs: 1,
      })),
      ...laterRates,
    ],
  }));
