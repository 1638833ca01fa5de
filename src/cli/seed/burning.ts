// The second demo account is about to stop: low on credits at the first start, used up half an hour later, and stopped an hour
// and ten minutes after that. Its story is written in hours before the first start, to the millisecond.

import { dayOf } from '../../core/calendar.ts';
import { parseMicro } from '../../core/micro.ts';
import { DAY_MS, HOUR_MS } from '../../core/range.ts';
import { cycleDayOf } from './days.ts';
import { charged, type DemoUsage, event, ofResource, reportOf } from './report.ts';
import { beginning, type DemoStep, type DemoTale, firstPrice, resource } from './tale.ts';
import type { Turn } from './hosting.ts';

const ZONE = 'America/New_York';
const DOMAIN = 'brightwater-audio.example';
/** In the cycle before the running one, but so early that it affects nothing in the running one. */
const CREATED_DAYS_AGO = 26;
/** The running cycle began three to eight days ago. */
const RUNNING_CYCLE_DAYS = 5;

const OWNERS = { noor: 'Noor Haddad', ben: 'Ben Okafor' } as const;
const NARRATOR = {
  ...resource('MODEL_DEPLOYMENT', 'narrator-prod', 'Narrator, production', OWNERS.noor),
  modelExternalId: 'narrator-13b',
  modelName: 'Narrator 13B',
  modelType: 'FINE_TUNED',
} as const;
const CANARY = { ...NARRATOR, externalId: 'narrator-canary', name: 'Narrator, canary' } as const;
const RIGHTS_CHECK = resource('GUARDRAIL', 'rights-check', 'Rights check', OWNERS.ben);
const CHAPTERS = resource('WORKFLOW', 'chapter-marks', 'Chapter marks', OWNERS.ben);
const DRAFT = resource('WORKFLOW', 'show-notes', 'Show notes', OWNERS.noor);

/**
 * 150 credits each cycle. The last one ended 7.5 in debt: 60 + 52.25 + 45.25 were used. So 142.5 were left for this one, of
 * which 4.3 are left at the first start:
 *
 *   0.32    the canary, 2 hours of 0.16
 *   89.38   fine-tuning and processing: 61.5 + 15.38 + 12.5
 *   6       the guardrail, 60 hours of 4 x 0.025
 *   42.5    the narrator, 5 hours of 10 x 0.85
 *
 * Both go on, at 8.6 an hour: 4.3 last 30 minutes, 14.3 down to the limit of -10 last 99 minutes and 46 seconds.
 */
export const BURNING: DemoTale = {
  externalId: 'demo-burning',
  shows: 'low on credits, used up within the hour, stopped within two',
  firstStartOf: (createdAtMs) => createdAtMs + CREATED_DAYS_AGO * DAY_MS,
  storyOf: (firstStartMs) => ({
    account: {
      name: 'Brightwater Audio',
      externalId: 'demo-burning',
      timeZone: ZONE,
      notificationEmails: [`studio@${DOMAIN}`],
      cycleDay: cycleDayOf(dayOf(ZONE, firstStartMs) - RUNNING_CYCLE_DAYS),
      createdAt: firstStartMs - CREATED_DAYS_AGO * DAY_MS,
      lowCredit: '10',
      negativeLimit: '-10',
      fineTuningMinimum: '25',
    },
    domain: DOMAIN,
    steps: () => [
      ...lastCycle((days) => firstStartMs - days * DAY_MS),
      ...thisCycle((hours) => firstStartMs - hours * HOUR_MS),
    ],
  }),
};

/** An instant a number of days or hours before the first start. */
type Ago = (count: number) => number;

function lastCycle(daysAgo: Ago): readonly DemoStep[] {
  return [
    firstPrice(daysAgo(CREATED_DAYS_AGO), {
      currency: 'USD',
      listPerCredit: '0.35',
      contractedPerCredit: '0.35',
    }),
    ...beginning(daysAgo(CREATED_DAYS_AGO), {
      plan: 'Studio plan',
      credits: '150',
      runs: '1000',
      resources: [NARRATOR, CANARY, RIGHTS_CHECK, CHAPTERS, DRAFT],
      workflows: [CHAPTERS],
    }),
    worked({ atMs: daysAgo(20), runs: 214, job: 'narrator-1', credits: '60' }),
    worked({ atMs: daysAgo(14), runs: 301, job: 'narrator-2', credits: '52.25' }),
    worked({ atMs: daysAgo(10), runs: 125, job: 'narrator-3', credits: '45.25' }),
  ];
}

function thisCycle(hoursAgo: Ago): readonly DemoStep[] {
  const message = 'The image of the model could not be pulled: no space left on the device.';
  return [
    turned(RIGHTS_CHECK, placed(hoursAgo(60), 'guardrail-1-4', 4)),
    turned(CANARY, placed(hoursAgo(50), 'g5.xlarge', 1)),
    turned(CANARY, { call: 'FAIL', atMs: hoursAgo(48), message }),
    worked({ atMs: hoursAgo(44), runs: 312, job: 'narrator-4', credits: '61.5' }),
    worked({ atMs: hoursAgo(30), runs: 298, pages: 7_690, credits: '15.38' }),
    worked({ atMs: hoursAgo(8), runs: 247, pages: 6_250, credits: '12.5' }),
    turned(NARRATOR, placed(hoursAgo(5), 'gpu-a100-80gb', 10)),
    worked({ atMs: hoursAgo(4), runs: 9 }),
    {
      atMs: hoursAgo(3),
      kind: 'WEBHOOK',
      // A name that never resolves, by RFC 6761.
      url: 'https://hooks.brightwater-audio.invalid/credits',
      events: ['ALERT_RAISED', 'DEPLOYMENT_STOPPED'],
    },
    worked({ atMs: hoursAgo(0.25), runs: 7 }),
  ];
}

/** Runs, and with credits a fine-tuning job or texts that the guardrail has read, reported at once. */
function worked({
  atMs,
  runs,
  job,
  pages = 1,
  credits,
}: {
  readonly atMs: number;
  readonly runs: number;
  readonly job?: string;
  readonly pages?: number;
  readonly credits?: string;
}): DemoStep {
  const reported: DemoUsage[] = [
    {
      ...event('workflow-engine', `${CHAPTERS.externalId}-${atMs}`, atMs),
      fields: {
        type: 'WORKFLOW_RUN',
        ...ofResource(CHAPTERS.kind, CHAPTERS.externalId),
        quantity: runs,
      },
    },
  ];
  if (credits !== undefined) {
    const eventId = job ?? `${RIGHTS_CHECK.externalId}-${atMs}`;
    const of =
      job === undefined
        ? {
            type: 'PROCESSING',
            ...ofResource(RIGHTS_CHECK.kind, RIGHTS_CHECK.externalId),
            unit: 'pages',
          }
        : { type: 'FINE_TUNING', modelExternalId: NARRATOR.modelExternalId, unit: 'jobs' };
    const fields = { ...of, quantity: pages };
    reported.push(charged(event('studio', eventId, atMs), parseMicro(credits), fields));
  }
  return { atMs, kind: 'RECORD', reports: reported.map(reportOf) };
}

function turned(
  resource: typeof NARRATOR | typeof CANARY | typeof RIGHTS_CHECK,
  turn: Turn,
): DemoStep {
  return { atMs: turn.atMs, kind: 'TURN', resource, turn };
}

function placed(atMs: number, hardware: string, replicas: number): Turn {
  return { call: 'DEPLOY', atMs, hardware, replicas };
}
