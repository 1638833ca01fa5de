// The demo's usage besides hosting by lifecycle calls: metered work, fine-tuning, storage, and short
// sessions that are reported as periods after they have ended.

import { HOUR_MS } from '../../core/range.ts';
import { floorDiv, parseMicro } from '../../core/micro.ts';
import type { DemoDay, DemoDays } from './days.ts';
import { DELIVERY_NOTES_AGO, officeHoursOf, TICKET_SUMMARIES } from './hosting.ts';
import { chanceOf } from './random.ts';
import { charged, type DemoUsage, event, hostingPeriod, ofResource } from './report.ts';
import { DEMO_WORKFLOWS, runsOn } from './workflows.ts';

/** How much work there is at an instant, in thousandths of the usual amount. */
export type Load = (atMs: number) => number;

const MINUTE_MS = 60_000;
const PAGE_MICRO = 1_200n;
const THOUSAND_TOKENS_MICRO = 200n;
const GIGABYTE_DAY_MICRO = 2_000n;

/** The workflow engine could not report for some hours, and did so days later. */
const ENGINE_OUTAGE = { ago: 56, fromHour: 10, toHour: 15, reportedAgo: 53 } as const;

/** A fine-tuning job that was charged twice; the second charge is voided. */
export const DOUBLE_CHARGE = {
  source: 'training',
  eventId: 'job-1058-retry',
  voidedAgo: 7,
} as const;
const JOB_OF_DOUBLE_CHARGE = 'job-1058';
/** Pages that a scanner sent in a loop, and when they were voided. */
export const SCANNER_LOOP = {
  source: 'scanner-gateway',
  ago: 17,
  voidedAgo: 16,
  events: 3,
} as const;

const FINE_TUNING_JOBS: readonly (readonly [
  eventId: string,
  ago: number,
  model: string,
  credits: string,
])[] = [
  ['job-1019', 321, 'support-replies-7b', '13.4'],
  ['job-1022', 307, 'support-replies-7b', '9.85'],
  ['job-1027', 272, 'support-replies-7b', '11.2'],
  ['job-1033', 236, 'support-replies-7b', '7.6'],
  ['job-1038', 197, 'support-replies-7b', '12.75'],
  ['job-1044', 145, 'support-replies-7b', '6.3'],
  ['job-1047', 110, 'invoice-fields-8b', '6.2'],
  ['job-1052', 66, 'support-replies-7b', '7.6'],
  ['job-1055', 47, 'invoice-fields-8b', '7.35'],
  ['job-1057', 15, 'invoice-fields-8b', '12.1'],
  [JOB_OF_DOUBLE_CHARGE, 8, 'support-replies-7b', '9.4'],
];

const STORED_MODELS: readonly (readonly [externalId: string, sinceAgo: number, gb: number])[] = [
  ['mistral-7b-instruct', 394, 14],
  ['support-replies-7b', 320, 15],
  ['llama-3.1-8b-instruct', 241, 16],
  ['invoice-fields-8b', 109, 17],
];

interface PodHabit {
  readonly externalId: string;
  readonly hardware: string;
  readonly sinceAgo: number;
  readonly perDay: number;
  readonly minutes: readonly [number, number];
  readonly isDaily: boolean;
}

const POD_HABITS: readonly PodHabit[] = [
  pod('supplier-portals', 'pod-4-16', { sinceAgo: 350, perDay: 7, minutes: [3, 13] }),
  pod('parcel-tracking', 'pod-4-16', { sinceAgo: 260, perDay: 6, minutes: [2, 9], isDaily: true }),
  pod('customs-forms', 'pod-8-32', { sinceAgo: 139, perDay: 3, minutes: [6, 17] }),
];

interface Schedule {
  readonly externalId: string;
  readonly hardware: string;
  readonly sinceAgo: number;
  readonly hour: number;
  readonly minutes: readonly [number, number];
  /** Of the week, Monday first. */
  readonly weekdays: readonly number[];
}

const SCHEDULES: readonly Schedule[] = [
  {
    externalId: 'crm-dedupe',
    hardware: 'cpu-2-4',
    sinceAgo: 370,
    hour: 3,
    minutes: [24, 52],
    weekdays: [0, 1, 2, 3, 4, 5, 6],
  },
  {
    externalId: 'price-crawler',
    hardware: 'cpu-2-8',
    sinceAgo: 280,
    hour: 12,
    minutes: [30, 58],
    weekdays: [0, 1, 2, 3, 4],
  },
  {
    externalId: 'revenue-report',
    hardware: 'cpu-4-16',
    sinceAgo: 336,
    hour: 5,
    minutes: [70, 130],
    weekdays: [0],
  },
];

/** What is counted although it costs nothing: the hosting of it does. */
const COUNTED: readonly {
  readonly externalId: string;
  readonly sinceAgo: number;
  readonly callsAnHour: number;
}[] = [
  { externalId: 'pii-masking', sinceAgo: 384, callsAnHour: 210 },
  { externalId: 'prompt-shield', sinceAgo: 213, callsAnHour: 145 },
];
/** The hour at which the counts of a day are reported. */
const COUNTED_AT_HOUR = 19;

/** Usage of all days from one on, up to the end of the first start's day, in no order. */
export function usageOf(days: DemoDays, load: Load, fromAgo: number): readonly DemoUsage[] {
  return [
    ...days.all(fromAgo, 0).flatMap((day) => [...runs(day, days), ...counts(day, days)]),
    ...chargedUsageOf(days, load, fromAgo),
  ];
}

/** The same without workflow runs, which cost no credits. */
export function chargedUsageOf(days: DemoDays, load: Load, fromAgo: number): readonly DemoUsage[] {
  const usage: DemoUsage[] = [...fineTuning(days, load), ...scannerLoop(days), latePeriod(days)];
  for (const day of days.all(fromAgo, 0)) {
    usage.push(...pages(day, load), ...tokens(day, load), ...storage(day));
    for (const habit of POD_HABITS) usage.push(...sessions(habit, day));
    for (const schedule of SCHEDULES) usage.push(...scheduled(schedule, day, days));
    usage.push(...summaries(day, days));
  }
  return usage;
}

/** Whether the history voids it later. */
export function isTakenBack({ source, eventId }: DemoUsage): boolean {
  return source === SCANNER_LOOP.source || eventId === DOUBLE_CHARGE.eventId;
}

function runs(day: DemoDay, days: DemoDays): readonly DemoUsage[] {
  const isOutage = day.ago === ENGINE_OUTAGE.ago;
  const outage = {
    fromMs: days.at(day.ago, ENGINE_OUTAGE.fromHour),
    toMs: days.at(day.ago, ENGINE_OUTAGE.toHour),
  };
  return DEMO_WORKFLOWS.flatMap((workflow) =>
    runsOn(workflow, day).map(({ externalId, startedMs, runs: quantity }) => {
      const isLate = isOutage && startedMs >= outage.fromMs && startedMs < outage.toMs;
      return {
        ...event('workflow-engine', `${externalId}-${hourName(startedMs)}`, startedMs),
        ...(isLate ? { knownAtMs: days.at(ENGINE_OUTAGE.reportedAgo, 9, 30) } : {}),
        fields: { type: 'WORKFLOW_RUN', ...ofResource('WORKFLOW', externalId), quantity },
      };
    }),
  );
}

function pages(day: DemoDay, load: Load): readonly DemoUsage[] {
  const invoices = day.ago < 379 && day.isWorkday ? metered(day, 'invoice-ocr', 52) : [];
  const isReading = DELIVERY_NOTES_AGO.some(({ from, to }) => day.ago < from && day.ago > to + 2);
  const notes = isReading && day.isWorkday ? metered(day, 'delivery-note-ocr', 21) : [];
  return [...invoices, ...notes].map(({ subject, atMs, amount }) => {
    const quantity = scaled(amount, load(atMs));
    const creditsMicro = BigInt(quantity) * PAGE_MICRO;
    return charged(event('ocr-service', `${subject}-${hourName(atMs)}`, atMs), creditsMicro, {
      type: 'PROCESSING',
      ...ofResource('OCR_DEPLOYMENT', subject),
      quantity,
      unit: 'pages',
    });
  });
}

function tokens(day: DemoDay, load: Load): readonly DemoUsage[] {
  if (day.ago >= 297) return [];
  const perHour = day.isWorkday ? 150_000 : 60_000;
  return metered(day, 'support-replies-prod', perHour).map(({ subject, atMs, amount }) => {
    const quantity = scaled(amount, load(atMs));
    const creditsMicro = floorDiv(BigInt(quantity) * THOUSAND_TOKENS_MICRO, 1_000n);
    return charged(event('model-gateway', `${subject}-${hourName(atMs)}`, atMs), creditsMicro, {
      type: 'PROCESSING',
      ...ofResource('MODEL_DEPLOYMENT', subject),
      quantity,
      unit: 'tokens',
    });
  });
}

// One report an hour of the working day.
function metered(
  day: DemoDay,
  subject: string,
  perHour: number,
): readonly { readonly subject: string; readonly atMs: number; readonly amount: number }[] {
  const chance = chanceOf(`metered/${subject}/${day.date}`);
  return Array.from({ length: 11 }, (_, index) => ({
    subject,
    atMs: day.startMs + (8 + index) * HOUR_MS + chance.whole(0, HOUR_MS - 1),
    amount: Math.round(perHour * day.activity * (0.55 + 0.9 * chance.unit())),
  }));
}

function fineTuning(days: DemoDays, load: Load): readonly DemoUsage[] {
  return FINE_TUNING_JOBS.flatMap(([eventId, ago, model, credits]) => {
    const atMs = days.at(ago, 15, chanceOf(eventId).whole(0, 59));
    // In hundredths of a credit.
    const creditsMicro = floorDiv(parseMicro(credits) * BigInt(load(atMs)), 10_000_000n) * 10_000n;
    const fields = { type: 'FINE_TUNING', modelExternalId: model, quantity: 1, unit: 'jobs' };
    const job = charged(event('training', eventId, atMs), creditsMicro, fields);
    if (eventId !== JOB_OF_DOUBLE_CHARGE) return [job];
    return [job, { ...job, eventId: DOUBLE_CHARGE.eventId, occurredAtMs: atMs + 40_000 }];
  });
}

function storage(day: DemoDay): readonly DemoUsage[] {
  return STORED_MODELS.filter(([, sinceAgo]) => day.ago < sinceAgo).map(([model, , gb]) =>
    charged(
      event('storage-meter', `${model}-${day.date}`, day.startMs + 5 * MINUTE_MS),
      BigInt(gb) * GIGABYTE_DAY_MICRO,
      { type: 'STORAGE', modelExternalId: model, quantity: gb, unit: 'GB-days' },
    ),
  );
}

function scannerLoop(days: DemoDays): readonly DemoUsage[] {
  return Array.from({ length: SCANNER_LOOP.events }, (_, index) =>
    charged(
      event(SCANNER_LOOP.source, `loop-${index + 1}`, days.at(SCANNER_LOOP.ago, 16, 3 + index)),
      900n * PAGE_MICRO,
      {
        type: 'PROCESSING',
        ...ofResource('OCR_DEPLOYMENT', 'invoice-ocr'),
        quantity: 900,
        unit: 'pages',
      },
    ),
  );
}

// Hosting that ran past the platform's scheduler and was reported days later.
function latePeriod(days: DemoDays): DemoUsage {
  const fromMs = days.at(74, 20, 15);
  const period = { fromMs, toMs: fromMs + 190 * MINUTE_MS };
  return {
    ...hostingPeriod('capacity-desk', 'llama-long-documents-night-run', 'gpu-a100-80gb', period),
    knownAtMs: days.at(69, 10, 40),
    fields: ofResource('MODEL_DEPLOYMENT', 'llama-long-documents'),
  };
}

function sessions(habit: PodHabit, day: DemoDay): readonly DemoUsage[] {
  if (day.ago >= habit.sinceAgo || !(day.isWorkday || habit.isDaily)) return [];
  const chance = chanceOf(`sessions/${habit.externalId}/${day.date}`);
  const count = Math.max(1, Math.round(habit.perDay * day.activity * (0.7 + 0.6 * chance.unit())));
  // Each has a separate slot of the day, longer than the longest session.
  const slotMs = Math.floor((10 * HOUR_MS) / count);
  return Array.from({ length: count }, (_, index) => {
    const lengthMs = chance.whole(habit.minutes[0] * MINUTE_MS, habit.minutes[1] * MINUTE_MS);
    const fromMs =
      day.startMs + 8 * HOUR_MS + index * slotMs + chance.whole(0, slotMs - lengthMs - 1);
    const eventId = `${habit.externalId}-${day.date}-${index + 1}`;
    return {
      ...hostingPeriod('browser-automation', eventId, habit.hardware, {
        fromMs,
        toMs: fromMs + lengthMs,
      }),
      fields: ofResource('BROWSER_POD', habit.externalId),
    };
  });
}

function scheduled(schedule: Schedule, day: DemoDay, days: DemoDays): readonly DemoUsage[] {
  if (day.ago >= schedule.sinceAgo || !schedule.weekdays.includes(days.weekday(day.ago))) return [];
  const chance = chanceOf(`scheduled/${schedule.externalId}/${day.date}`);
  const fromMs = day.startMs + schedule.hour * HOUR_MS + chance.whole(0, 10_000);
  const toMs =
    fromMs + chance.whole(schedule.minutes[0] * MINUTE_MS, schedule.minutes[1] * MINUTE_MS);
  return [
    {
      ...hostingPeriod(
        'script-scheduler',
        `${schedule.externalId}-${day.date}`,
        schedule.hardware,
        {
          fromMs,
          toMs,
        },
      ),
      fields: ofResource('CUSTOM_SCRIPT', schedule.externalId),
    },
  ];
}

// A day's calls of guardrails, sessions of browser pods and runs of scripts.
function counts(day: DemoDay, days: DemoDays): readonly DemoUsage[] {
  const counted = (
    kind: string,
    externalId: string,
    { quantity, unit }: { readonly quantity: number; readonly unit: string },
  ): DemoUsage =>
    charged(
      event('usage-counter', `${externalId}-${day.date}`, days.at(day.ago, COUNTED_AT_HOUR)),
      0n,
      { type: 'PROCESSING', ...ofResource(kind, externalId), quantity, unit },
    );
  const calls = COUNTED.filter(({ sinceAgo }) => day.ago < sinceAgo).map(
    ({ externalId, callsAnHour }) => {
      const amounts = metered(day, externalId, callsAnHour).map(({ amount }) => amount);
      const quantity = amounts.reduce((sum, amount) => sum + amount, 0);
      return counted('GUARDRAIL', externalId, { quantity, unit: 'calls' });
    },
  );
  const visits = POD_HABITS.map((habit) =>
    counted('BROWSER_POD', habit.externalId, {
      quantity: sessions(habit, day).length,
      unit: 'sessions',
    }),
  );
  const scripts = SCHEDULES.map((schedule) =>
    counted('CUSTOM_SCRIPT', schedule.externalId, {
      quantity: scheduled(schedule, day, days).length,
      unit: 'calls',
    }),
  );
  return [...calls, ...visits, ...scripts].filter(({ fields }) => Number(fields['quantity']) > 0);
}

function summaries({ ago, isWorkday, date }: DemoDay, days: DemoDays): readonly DemoUsage[] {
  const { sinceAgo, fromAgo, hardware } = TICKET_SUMMARIES;
  if (!isWorkday || ago > sinceAgo || ago <= fromAgo) return [];
  const eventId = `ticket-summaries-${date}`;
  return [
    {
      ...hostingPeriod('capacity-desk', eventId, hardware, officeHoursOf(days, ago)),
      fields: ofResource('MODEL_DEPLOYMENT', 'ticket-summaries'),
    },
  ];
}

function scaled(amount: number, thousandths: number): number {
  return Math.round((amount * thousandths) / 1_000);
}

function hourName(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 13);
}

function pod(
  externalId: string,
  hardware: string,
  habit: Omit<PodHabit, 'externalId' | 'hardware' | 'isDaily'> & { readonly isDaily?: boolean },
): PodHabit {
  return { isDaily: false, ...habit, externalId, hardware };
}
