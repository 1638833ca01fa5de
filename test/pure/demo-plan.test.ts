// The demo tells its story in days before the day of its first start, which is any day of the week and of the year. So its
// plan is judged over 400 first days, by a reckoning of the test's own: a status for each resource, and a sum of charges.

import { beforeAll, describe, expect, it } from '@jest/globals';
import { BURNING } from '../../src/cli/seed/burning.ts';
import { DEMO_PROFILES, DEMO_RATE_CHANGE } from '../../src/cli/seed/catalogue.ts';
import { DemoDays } from '../../src/cli/seed/days.ts';
import { type Hosted, hostedOf, type Turn } from '../../src/cli/seed/hosting.ts';
import { loadOf } from '../../src/cli/seed/load.ts';
import { PAGE } from '../../src/cli/seed/page.ts';
import type { DemoTale } from '../../src/cli/seed/tale.ts';
import { chargedUsageOf, isTakenBack } from '../../src/cli/seed/usage.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const FIRST_DAYS = 400;
const PLAN_CREDITS = 300;
/** A Monday; every day of the week, the month and the year follows, and two clock shifts. */
const FROM_MS = Date.parse('2026-01-05T11:17:00.000Z');

interface Stretch {
  readonly externalId: string;
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly creditsPerHour: number;
}

/** What a first start shows. */
interface Story {
  readonly date: string;
  /** Calls that would be refused or change nothing. */
  readonly idle: readonly string[];
  readonly statuses: Readonly<Record<string, string>>;
  /** Hosting of the running cycle, without what is recorded as periods. */
  readonly lived: readonly Stretch[];
  readonly cycleFromMs: number;
  readonly nowMs: number;
  readonly usedPercent: number;
  readonly sharePercent: Readonly<Record<string, number>>;
}

const DAY_AND_NIGHT = [
  'support-replies-prod',
  'pii-masking',
  'prompt-shield',
  'invoice-ocr',
  'invoice-sync',
];
const NEVER_DEPLOYED = [
  'crm-dedupe',
  'price-crawler',
  'revenue-report',
  'supplier-portals',
  'parcel-tracking',
  'customs-forms',
];
const STATUSES = {
  ...Object.fromEntries(DAY_AND_NIGHT.map((externalId) => [externalId, 'DEPLOYED'])),
  ...Object.fromEntries(NEVER_DEPLOYED.map((externalId) => [externalId, 'NEW'])),
  'llama-long-documents': 'DEPLOYING',
  'invoice-fields-canary': 'FAILED',
  'mistral-baseline': 'UNDEPLOYED',
  'invoice-fields-prod': 'UNDEPLOYED',
  'tone-of-voice': 'UNDEPLOYED',
  'delivery-note-ocr': 'UNDEPLOYED',
  'legacy-crm-export': 'DELETED',
};
/** Of 300 credits, and of those that were used. */
const PERCENTS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  USED: [69, 72],
  MODEL_DEPLOYMENT: [42, 52],
  GUARDRAIL: [10, 15],
  CUSTOM_SCRIPT: [19, 25],
  OCR_DEPLOYMENT: [10, 15],
  BROWSER_POD: [3.5, 8],
};

function rateOf(hardware: string): number {
  if (hardware === DEMO_RATE_CHANGE.hardware) return Number(DEMO_RATE_CHANGE.creditsPerHour);
  return Number(DEMO_PROFILES.find(({ name }) => name === hardware)?.creditsPerHour);
}

/** Which statuses a call may meet, and the one that it leaves. */
const CALLS: Readonly<
  Record<Turn['call'] | 'REGISTER', readonly [from: readonly string[], to: string]>
> = {
  REGISTER: [['UNKNOWN'], 'NEW'],
  DEPLOY: [['NEW', 'UNDEPLOYED', 'FAILED'], 'DEPLOYED'],
  REQUEST: [['NEW', 'UNDEPLOYED', 'FAILED'], 'DEPLOYING'],
  READY: [['DEPLOYING'], 'DEPLOYED'],
  SCALE: [['DEPLOYED'], 'DEPLOYED'],
  UNDEPLOY: [['DEPLOYED', 'DEPLOYING'], 'UNDEPLOYED'],
  FAIL: [['DEPLOYED', 'DEPLOYING'], 'FAILED'],
  DELETE: [['NEW', 'DEPLOYED', 'UNDEPLOYED', 'FAILED'], 'DELETED'],
};

function storyOf(nowMs: number): Story {
  const days = DemoDays.ofFirstStart(nowMs);
  const cycleFromMs = days.cycles().at(-1)?.fromMs ?? 0;
  const lives = hostedOf(days).map((hosted) => lifeOf(hosted, days, nowMs));
  const lived = lives.flatMap((life) => life.lived).filter(({ toMs }) => toMs > cycleFromMs);
  const used = usedIn(days, lived, { fromMs: cycleFromMs, toMs: nowMs });
  const usedCredits = Object.values(used).reduce((sum, one) => sum + one, 0);
  return {
    date: new Date(nowMs).toDateString(),
    idle: lives.flatMap((life) => life.idle),
    statuses: Object.fromEntries(lives.map(({ externalId, status }) => [externalId, status])),
    lived,
    cycleFromMs,
    nowMs,
    usedPercent: (100 * usedCredits) / PLAN_CREDITS,
    sharePercent: Object.fromEntries(
      Object.entries(used).map(([kind, credits]) => [kind, (100 * credits) / usedCredits]),
    ),
  };
}

interface Life {
  readonly externalId: string;
  readonly status: string;
  readonly idle: readonly string[];
  readonly lived: readonly Stretch[];
}

/** One resource's life up to now, call by call. */
function lifeOf(
  { registration: { externalId, kind }, registeredAgo, turns }: Hosted,
  days: DemoDays,
  nowMs: number,
): Life {
  const idle: string[] = [];
  const lived: Stretch[] = [];
  let status = 'UNKNOWN';
  let running: Omit<Stretch, 'toMs'> | null = null;
  let creditsPerHour = 0;
  const registered = { call: 'REGISTER', atMs: days.at(registeredAgo, 9, 45) } as const;
  const calls = [registered, ...turns].filter(({ atMs }) => atMs <= nowMs);
  for (const one of calls.sort((a, b) => a.atMs - b.atMs)) {
    const { call, atMs } = one;
    const [from, to] = CALLS[call];
    if (!from.includes(status)) {
      idle.push(`${call} of ${externalId}, ${status}, at ${new Date(atMs).toISOString()}`);
      continue;
    }
    if (running !== null) lived.push({ ...running, toMs: atMs });
    if ('hardware' in one) creditsPerHour = one.replicas * rateOf(one.hardware);
    status = to;
    running = to === 'DEPLOYED' ? { externalId, kind, fromMs: atMs, creditsPerHour } : null;
  }
  if (running !== null) lived.push({ ...running, toMs: nowMs });
  return { externalId, status, idle, lived };
}

/** Credits by the kind of what they were used for; models have no kind of their own. */
function usedIn(
  days: DemoDays,
  lived: readonly Stretch[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Record<string, number> {
  const used: Record<string, number> = {};
  const add = (kind: string, credits: number): void => {
    used[kind] = (used[kind] ?? 0) + credits;
  };
  const addHosting = (kind: string, stretch: Omit<Stretch, 'kind' | 'externalId'>): void => {
    const ms = Math.min(stretch.toMs, toMs) - Math.max(stretch.fromMs, fromMs);
    if (ms > 0) add(kind, (ms / HOUR_MS) * stretch.creditsPerHour);
  };
  for (const stretch of lived) addHosting(stretch.kind, stretch);
  for (const one of chargedUsageOf(days, loadOf(days), 25)) {
    if (one.knownAtMs > toMs || isTakenBack(one)) continue;
    const kind = String(one.fields['resourceKind'] ?? 'MODEL_DEPLOYMENT');
    if (one.hosting !== null) {
      const creditsPerHour = rateOf(one.hosting.hardware);
      addHosting(kind, { fromMs: one.occurredAtMs, toMs: one.hosting.toMs, creditsPerHour });
    } else if (one.occurredAtMs >= fromMs) {
      add(kind, Number(one.fields['credits']));
    }
  }
  return used;
}

describe('the plan of the demo, over 400 first days', () => {
  let stories: readonly Story[];

  beforeAll(() => {
    stories = firstStarts().map(storyOf);
  }, 600_000);

  it('calls for nothing that would be refused, or that holds already', () => {
    expect(stories.flatMap(({ date, idle }) => idle.map((call) => `${date}: ${call}`))).toEqual([]);
  });

  it('leaves each deployment in its state', () => {
    for (const { date, statuses } of stories) {
      // In office hours one more runs.
      expect({ date, ...statuses }).toEqual({
        date,
        ...STATUSES,
        'ticket-summaries': expect.stringMatching(/^(UN)?DEPLOYED$/),
      });
    }
  });

  it('keeps running what runs day and night', () => {
    for (const { date, lived, cycleFromMs, nowMs } of stories) {
      const ranMs = DAY_AND_NIGHT.map((externalId) =>
        lived
          .filter((stretch) => stretch.externalId === externalId)
          .reduce((sum, { fromMs, toMs }) => sum + toMs - Math.max(fromMs, cycleFromMs), 0),
      );

      expect({ date, ranMs }).toEqual({
        date,
        ranMs: DAY_AND_NIGHT.map(() => nowMs - cycleFromMs),
      });
    }
  });

  it('has used 69 to 72 % of its credits, shared out alike', () => {
    for (const { date, usedPercent, sharePercent } of stories) {
      const outside = Object.entries({ USED: usedPercent, ...sharePercent }).filter(
        ([what, percent]) => {
          const [min, max] = PERCENTS[what] ?? [0, 0];
          return percent < min || percent > max;
        },
      );

      expect({ date, outside }).toEqual({ date, outside: [] });
      expect(Object.keys(sharePercent)).toHaveLength(Object.keys(PERCENTS).length - 1);
    }
  });
});

/** 400 days on end, each at another hour and minute. */
function firstStarts(): readonly number[] {
  return Array.from(
    { length: FIRST_DAYS },
    (_, index) => FROM_MS + index * DAY_MS + ((index * 7) % 11) * HOUR_MS + index * 7_777,
  );
}

const wallCalendars = new Map<string, Intl.DateTimeFormat>();

function wallCalendar(timeZone: string): Intl.DateTimeFormat {
  const made =
    wallCalendars.get(timeZone) ??
    new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });
  wallCalendars.set(timeZone, made);
  return made;
}

/** The billing cycle of an instant, numbered by its month: reckoned by the date that a calendar on the wall shows. */
function cycleOf(tale: DemoTale, firstStartMs: number, atMs: number): number {
  const { account } = tale.storyOf(firstStartMs, firstStartMs);
  const parts = wallCalendar(account.timeZone ?? 'UTC').formatToParts(atMs);
  const [year = 0, month = 0, day = 0] = ['year', 'month', 'day'].map((type) =>
    Number(parts.find((part) => part.type === type)?.value),
  );
  return year * 12 + month - (day < (account.cycleDay ?? 1) ? 1 : 0);
}

describe('the accounts beside the demo, over 400 first days and their nights', () => {
  const starts = firstStarts().flatMap((startMs) => [startMs, startMs + 12 * HOUR_MS]);

  it('burn in the running cycle, after a debt in the one before', () => {
    for (const startMs of starts) {
      const story = BURNING.storyOf(startMs, startMs);
      const instants = story.steps().map(({ atMs }) => atMs);
      const running = cycleOf(BURNING, startMs, startMs);
      const cycles = instants.map((atMs) => cycleOf(BURNING, startMs, atMs) - running);

      expect(BURNING.firstStartOf(story.account.createdAt)).toBe(startMs);
      expect(instants).toEqual([...instants].sort((a, b) => a - b));
      // Eight steps up to the debt, ten after it.
      expect(cycles).toEqual([...Array<number>(8).fill(-1), ...Array<number>(10).fill(0)]);
    }
  });

  it('show the page’s figures in the running cycle alone', () => {
    for (const startMs of starts) {
      const story = PAGE.storyOf(startMs, startMs);
      const instants = story.steps().map(({ atMs }) => atMs);
      const running = cycleOf(PAGE, startMs, startMs);

      expect(PAGE.firstStartOf(story.account.createdAt)).toBe(startMs);
      expect(instants).toEqual([...instants].sort((a, b) => a - b));
      expect(Math.max(...instants)).toBe(startMs);
      expect(cycleOf(PAGE, startMs, story.account.createdAt)).toBe(running);
    }
  });
});
