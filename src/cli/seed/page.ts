// The third demo account shows the figures of the product's page: 45 of 10,000 runs (0.45 %) and 212.16 of 300 credits
// (70.72 %). Nothing runs, so they do not change until the cycle ends.

import { dayOf } from '../../core/calendar.ts';
import { parseMicro } from '../../core/micro.ts';
import { DAY_MS, HOUR_MS } from '../../core/range.ts';
import type { RegisterRequest } from '../../resources/registration.ts';
import type { ResourceRef } from '../../resources/resource.ts';
import { cycleDayOf, RUNNING_CYCLE_DAYS } from './days.ts';
import { charged, type DemoUsage, event, hostingPeriod, ofResource, reportOf } from './report.ts';
import { beginning, type DemoStep, type DemoTale, firstPrice, resource } from './tale.ts';

const ZONE = 'Europe/London';
const DOMAIN = 'lumen-studio.example';
/** In the running cycle, which began 20 to 24 days ago. */
const CREATED_DAYS_AGO = 19;
/** It worked on each of the last days, and reports every few days. */
const WORKED_DAYS = 15;
const DAYS_A_REPORT = 5;

const OWNERS = { ines: 'Inês Prado', karl: 'Karl Lund' } as const;
const ENQUIRIES = resource('WORKFLOW', 'enquiries', 'Enquiries', OWNERS.ines);
const OFFERS = resource('WORKFLOW', 'offers', 'Offers', OWNERS.karl);
const ASSISTANT = {
  ...resource('MODEL_DEPLOYMENT', 'assistant-prod', 'Assistant, production', OWNERS.ines),
  modelExternalId: 'assistant-7b',
  modelName: 'Assistant 7B',
  modelType: 'FINE_TUNED',
} as const;
const TONE = resource('GUARDRAIL', 'tone', 'Tone of voice', OWNERS.ines);
const RESIZER = {
  ...resource('CUSTOM_SCRIPT', 'image-resizer', 'Image resizer', OWNERS.karl),
  language: 'Python',
  languageVersion: '3.10.15',
} as const;
const RECEIPTS = {
  ...resource('OCR_DEPLOYMENT', 'receipts', 'Receipts', OWNERS.karl),
  ocrModel: 'Docling',
} as const;
const SHOP = resource('BROWSER_POD', 'shop-check', 'Shop check', OWNERS.karl);
const RESOURCES: readonly RegisterRequest[] = [
  ENQUIRIES,
  OFFERS,
  ASSISTANT,
  TONE,
  RESIZER,
  RECEIPTS,
  SHOP,
];

/**
 * 15 days of 3 runs and of 11.744 credits, and one job:
 *
 *   4.16    models: 12 hours of 0.2, 1.74 of tokens, 0.02 of storage
 *   1.216   guardrails: 24 hours of 0.025, 0.616 of texts
 *   2.592   custom scripts: 18 hours of 0.144
 *   2.72    OCR: 24 hours of 0.03, 2 of pages
 *   1.056   browser pods: 2 hours of 0.288, 0.48 of captchas
 *   ------
 *   11.744  x 15 = 176.16, and 36 for fine-tuning: 212.16
 */
export const PAGE: DemoTale = {
  externalId: 'demo-page',
  shows: '45 of 10,000 runs and 212.16 of 300 credits, standing still',
  firstStartOf: (createdAtMs) => createdAtMs + CREATED_DAYS_AGO * DAY_MS,
  storyOf: (firstStartMs) => ({
    account: {
      name: 'Lumen Studio',
      externalId: 'demo-page',
      timeZone: ZONE,
      notificationEmails: [`office@${DOMAIN}`],
      cycleDay: cycleDayOf(dayOf(ZONE, firstStartMs) - RUNNING_CYCLE_DAYS),
      createdAt: firstStartMs - CREATED_DAYS_AGO * DAY_MS,
      lowCredit: '10',
      negativeLimit: '-10',
      fineTuningMinimum: '25',
    },
    domain: DOMAIN,
    steps: () => [
      firstPrice(firstStartMs - CREATED_DAYS_AGO * DAY_MS, {
        currency: 'GBP',
        listPerCredit: '0.25',
        contractedPerCredit: '0.25',
      }),
      ...beginning(firstStartMs - CREATED_DAYS_AGO * DAY_MS, {
        plan: 'Team plan',
        credits: '300',
        runs: '10000',
        resources: RESOURCES,
        workflows: [ENQUIRIES, OFFERS],
      }),
      ...reports(firstStartMs),
    ],
  }),
};

function reports(firstStartMs: number): readonly DemoStep[] {
  const steps: DemoStep[] = [];
  for (let ago = WORKED_DAYS; ago > 0; ago -= DAYS_A_REPORT) {
    const usage = Array.from({ length: DAYS_A_REPORT }, (_, index) =>
      dayOfUsage(firstStartMs - (ago - index) * DAY_MS, ago - index),
    ).flat();
    if (ago === WORKED_DAYS) usage.push(fineTuning(firstStartMs - 14 * DAY_MS));
    const atMs = firstStartMs - (ago - DAYS_A_REPORT) * DAY_MS;
    steps.push({ atMs, kind: 'RECORD', reports: usage.map(reportOf) });
  }
  return steps;
}

/** The usage of 24 hours from an instant on. */
function dayOfUsage(fromMs: number, ago: number): DemoUsage[] {
  const runs = (of: ResourceRef, hour: number, quantity: number): DemoUsage => ({
    ...event('workflow-engine', `${of.externalId}-${ago}`, fromMs + hour * HOUR_MS),
    fields: { type: 'WORKFLOW_RUN', ...ofResource(of.kind, of.externalId), quantity },
  });
  const hosted = (of: ResourceRef, hours: number, hardware: string): DemoUsage => ({
    ...hostingPeriod('scheduler', `${of.externalId}-${ago}`, hardware, {
      fromMs,
      toMs: fromMs + hours * HOUR_MS,
    }),
    fields: ofResource(of.kind, of.externalId),
  });
  const processed = (
    of: ResourceRef,
    [quantity, unit]: readonly [number, string],
    credits: string,
  ): DemoUsage =>
    charged(event('meter', `${of.externalId}-${ago}`, fromMs + 6 * HOUR_MS), parseMicro(credits), {
      type: 'PROCESSING',
      ...ofResource(of.kind, of.externalId),
      quantity,
      unit,
    });
  const modelExternalId = ASSISTANT.modelExternalId;
  return [
    runs(ENQUIRIES, 5, 2),
    runs(OFFERS, 9, 1),
    hosted(ASSISTANT, 12, 'g5.2xlarge'),
    processed(ASSISTANT, [8_700_000, 'tokens'], '1.74'),
    charged(event('meter', `storage-${ago}`, fromMs + HOUR_MS), parseMicro('0.02'), {
      type: 'STORAGE',
      modelExternalId,
      quantity: 10,
      unit: 'GB-days',
    }),
    hosted(TONE, 24, 'guardrail-1-4'),
    processed(TONE, [1_540, 'calls'], '0.616'),
    hosted(RESIZER, 18, 'cpu-2-8'),
    hosted(RECEIPTS, 24, 'ocr-2-8'),
    processed(RECEIPTS, [1_667, 'pages'], '2'),
    hosted(SHOP, 2, 'pod-4-16'),
    processed(SHOP, [24, 'sessions'], '0.48'),
  ];
}

function fineTuning(atMs: number): DemoUsage {
  return charged(event('training', 'assistant-1', atMs), parseMicro('36'), {
    type: 'FINE_TUNING',
    modelExternalId: ASSISTANT.modelExternalId,
    quantity: 1,
    unit: 'jobs',
  });
}
