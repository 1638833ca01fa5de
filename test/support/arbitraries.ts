// Histories of an account, and questions about them: what happens around a change of the clocks, late and early, voided
// and folded, at odd milliseconds.

import fc from 'fast-check';
import type { Preset, RangeQuestion, Unit } from './reference/time.ts';
import { DIMENSIONS, type Dimension, type ReportFilter } from './reference/usage.ts';

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'UTC',
  'Pacific/Chatham',
] as const;

/** Instants at which the clocks of a zone change: into summer, out of it, and the day that Apia left out. */
export const CLOCK_CHANGES = [
  { zone: 'Europe/Berlin', at: '2026-03-29T01:00:00Z' },
  { zone: 'Europe/Berlin', at: '2025-10-26T01:00:00Z' },
  { zone: 'America/New_York', at: '2026-03-08T07:00:00Z' },
  { zone: 'America/New_York', at: '2025-11-02T06:00:00Z' },
  { zone: 'Australia/Lord_Howe', at: '2026-04-04T15:00:00Z' },
  { zone: 'Australia/Lord_Howe', at: '2025-10-04T15:30:00Z' },
  { zone: 'Pacific/Chatham', at: '2026-04-04T14:00:00Z' },
  { zone: 'Pacific/Apia', at: '2011-12-30T10:00:00Z' },
] as const;

export type ClockChange = (typeof CLOCK_CHANGES)[number];

/** Things to happen, by their place in the fixed park of resources that every history registers. */
export type Step =
  | { readonly what: 'events'; readonly events: readonly PlannedEvent[] }
  | { readonly what: 'periods'; readonly periods: readonly PlannedPeriod[] }
  | { readonly what: 'void'; readonly shares: readonly number[] }
  | {
      readonly what: 'hosting';
      readonly call: 'deploy' | 'scale' | 'undeploy' | 'delete';
      readonly hosted: number;
      readonly hardware: number;
      readonly replicas: number;
      readonly backMs: number;
    }
  | { readonly what: 'workflow'; readonly workflow: number; readonly deploys: boolean }
  | {
      readonly what: 'rate';
      readonly hardware: number;
      readonly micro: number;
      readonly aheadMs: number;
    }
  | { readonly what: 'zone'; readonly zone: string }
  | { readonly what: 'fold' };

export interface PlannedEvent {
  readonly type: 'WORKFLOW_RUN' | 'FINE_TUNING' | 'STORAGE' | 'PROCESSING';
  readonly subject: number;
  readonly atMs: number;
  readonly quantity: number;
  readonly unit: string | null;
  readonly micro: number;
}

export interface PlannedPeriod {
  readonly hosted: number;
  readonly hardware: number;
  readonly replicas: number;
  readonly toMs: number;
  readonly lengthMs: number;
}

export interface HistoryPlan {
  readonly zone: string;
  readonly cycleDay: number;
  readonly startMs: number;
  readonly nowMs: number;
  readonly steps: readonly Step[];
  readonly questions: readonly Question[];
}

export interface Question {
  readonly range: RangeQuestion;
  /** Whether the zone is asked for, or left to be the account's. */
  readonly namesZone: boolean;
  readonly unit: Unit | 'AUTO';
  readonly groupBy: readonly Dimension[];
  readonly isBucketed: boolean;
  readonly filter: ReportFilter;
  /** Picks the tab and the panel that are looked at. */
  readonly pick: number;
  /** Where the range is cut in two. */
  readonly cutShare: number;
}

/** A history that ends some days after one of the changes of the clocks (of all of them: none given), and questions. */
export function historyPlan(
  questions: number,
  ...changes: readonly ClockChange[]
): fc.Arbitrary<HistoryPlan> {
  return fc
    .record({
      change: fc.constantFrom(...(changes.length > 0 ? changes : CLOCK_CHANGES)),
      otherZone: fc.option(fc.constantFrom(...ZONES)),
      cycleDay: fc.integer({ min: 1, max: 28 }),
      afterMs: fc.integer({ min: -DAY, max: 12 * DAY }),
    })
    .chain(({ change, otherZone, cycleDay, afterMs }) => {
      const atMs = Date.parse(change.at);
      const nowMs = atMs + afterMs;
      return fc.record({
        zone: fc.constant(otherZone ?? change.zone),
        cycleDay: fc.constant(cycleDay),
        startMs: fc.constant(nowMs - 45 * DAY),
        nowMs: fc.constant(nowMs),
        steps: fc
          .tuple(
            fc.array(step(atMs, nowMs), { minLength: 50, maxLength: 70, size: 'max' }),
            eventsStep(atMs, nowMs),
          )
          // What came last is not folded yet.
          .map(([steps, last]) => [...steps, last]),
        questions: fc.array(question(atMs, nowMs), {
          minLength: questions,
          maxLength: questions,
          size: 'max',
        }),
      });
    });
}

/** An instant that is likely to lie at an edge: around the change of the clocks, near now, or long ago. */
export function instant(changeMs: number, nowMs: number): fc.Arbitrary<number> {
  const odd = fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: QUARTER - 1 }));
  // Few enough to meet: an event in the quarter hour in which a range is cut.
  const near = fc.integer({ min: -9, max: 9 });
  const quarters = fc.tuple(fc.oneof(near, fc.integer({ min: -400, max: 400 })), odd);
  return fc.oneof(
    { weight: 6, arbitrary: quarters.map(([count, by]) => changeMs + count * QUARTER + by) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 10 * DAY }).map((back) => nowMs - back) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 350 * DAY }).map((back) => nowMs - back) },
  );
}

function eventsStep(changeMs: number, nowMs: number): fc.Arbitrary<Step> {
  const event = fc.record({
    type: fc.constantFrom('WORKFLOW_RUN', 'FINE_TUNING', 'STORAGE', 'PROCESSING', 'PROCESSING'),
    subject: fc.nat({ max: 9 }),
    atMs: instant(changeMs, nowMs),
    quantity: fc.integer({ min: 0, max: 2_000 }),
    unit: fc.constantFrom(null, 'pages', 'tokens', 'Tokens'),
    micro: fc.integer({ min: 0, max: 900_000_000 }),
  });
  return fc.record({
    what: fc.constant('events' as const),
    events: fc.array(event, { minLength: 1, maxLength: 40, size: 'max' }),
  });
}

function step(changeMs: number, nowMs: number): fc.Arbitrary<Step> {
  const hosted = fc.nat({ max: 9 });
  const hardware = fc.nat({ max: 2 });
  const replicas = fc.integer({ min: 1, max: 4 });
  const backMs = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: DAY }));
  const lengthMs = fc.oneof(
    fc.integer({ min: 1, max: 20 * HOUR }),
    fc.constant(DAY),
    fc.integer({ min: DAY - 3, max: 40 * DAY }),
  );
  const period = fc.record({
    hosted,
    hardware,
    replicas,
    toMs: instant(changeMs, nowMs),
    lengthMs,
  });
  const happens = {
    periods: fc.record({
      what: fc.constant('periods' as const),
      periods: fc.array(period, { minLength: 1, maxLength: 6 }),
    }),
    voids: fc.record({
      what: fc.constant('void' as const),
      shares: fc.array(fc.nat({ max: 9_999 }), { minLength: 1, maxLength: 5 }),
    }),
    hosting: fc.record({
      what: fc.constant('hosting' as const),
      call: weighted({ deploy: 9, scale: 5, undeploy: 5, delete: 1 }),
      hosted,
      hardware,
      replicas,
      backMs,
    }),
    workflows: fc.record({
      what: fc.constant('workflow' as const),
      workflow: fc.nat({ max: 2 }),
      deploys: fc.boolean(),
    }),
    rates: fc.record({
      what: fc.constant('rate' as const),
      hardware,
      micro: fc.integer({ min: 0, max: 9_999_999 }),
      aheadMs: fc.oneof(
        fc.integer({ min: 10_000, max: 3 * DAY }),
        fc.integer({ min: DAY, max: 60 * DAY }),
      ),
    }),
    zones: fc.record({ what: fc.constant('zone' as const), zone: fc.constantFrom(...ZONES) }),
    folds: fc.record({ what: fc.constant('fold' as const) }),
  };
  return fc.oneof(
    { weight: 10, arbitrary: eventsStep(changeMs, nowMs) },
    { weight: 5, arbitrary: happens.periods },
    { weight: 4, arbitrary: happens.voids },
    { weight: 18, arbitrary: happens.hosting },
    { weight: 2, arbitrary: happens.workflows },
    { weight: 4, arbitrary: happens.rates },
    { weight: 2, arbitrary: happens.zones },
    { weight: 5, arbitrary: happens.folds },
  );
}

/** One of the names, each as often as its weight says. */
function weighted<K extends string>(weights: Readonly<Record<K, number>>): fc.Arbitrary<K> {
  const names = Object.keys(weights).filter((name): name is K => name in weights);
  return fc.oneof(
    ...names.map((name) => ({ weight: weights[name], arbitrary: fc.constant(name) })),
  );
}

const PRESETS: readonly Preset[] = [
  'LAST_24_HOURS',
  'LAST_7_DAYS',
  'LAST_30_DAYS',
  'LAST_90_DAYS',
  'CURRENT_CYCLE',
  'PREVIOUS_CYCLE',
];

function question(changeMs: number, nowMs: number): fc.Arbitrary<Question> {
  const edge = fc.oneof(
    { weight: 5, arbitrary: instant(changeMs, nowMs) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 20 * DAY }).map((ahead) => nowMs + ahead) },
  );
  const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
  const monthDay = (atMs: number, months: number, day: number): string => {
    const { year, month } = {
      year: Number(dayOf(atMs).slice(0, 4)),
      month: Number(dayOf(atMs).slice(5, 7)),
    };
    return dayOf(Date.UTC(year, month - 1 + months, day));
  };
  const range = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...PRESETS).map((preset) => ({ preset })) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(edge, edge)
        .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + (a === b ? 1 : 0) })),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(edge, fc.nat({ max: 100 })).map(([from, days]) => ({
        fromDay: dayOf(from),
        toDay: dayOf(from + days * DAY),
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(edge, fc.nat({ max: 4 })).map(([from, months]) => ({
        fromDay: monthDay(from, 0, 1),
        toDay: monthDay(from, months + 1, 0),
      })),
    },
  );
  return fc.record({
    range: fc
      .tuple(range, fc.constantFrom(...ZONES))
      .map(([asked, zone]): RangeQuestion => ({ ...asked, zone })),
    namesZone: fc.boolean(),
    unit: fc.constantFrom(
      'AUTO' as const,
      'HOUR' as const,
      'DAY' as const,
      'WEEK' as const,
      'MONTH' as const,
    ),
    groupBy: fc.subarray([...DIMENSIONS]),
    isBucketed: fc.boolean(),
    filter: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: reportFilter },
    ),
    pick: fc.nat({ max: 999 }),
    cutShare: fc.double({ min: 0, max: 1, noNaN: true }),
  });
}

const reportFilter: fc.Arbitrary<ReportFilter> = fc.oneof(
  fc.record({
    categories: fc.subarray(
      ['MODELS', 'GUARDRAILS', 'CUSTOM_SCRIPTS', 'OCR', 'BROWSER_AUTOMATION'],
      {
        minLength: 1,
      },
    ),
  }),
  fc.record({ hardware: fc.subarray(['gpu-a', 'gpu-b', 'cpu-a'], { minLength: 1 }) }),
  fc.record({ owners: fc.subarray(['ana', 'ben'], { minLength: 1 }) }),
  fc.record({ statuses: fc.subarray(['DEPLOYED', 'UNDEPLOYED', 'DELETED'], { minLength: 1 }) }),
  fc.record({ modelTypes: fc.subarray(['BASE', 'FINE_TUNED'], { minLength: 1 }) }),
  fc.record({ languages: fc.subarray(['python', 'TypeScript', 'cobol'], { minLength: 1 }) }),
  fc.record({ search: fc.constantFrom('1', 'GUARD', 'model', 'o') }),
);
