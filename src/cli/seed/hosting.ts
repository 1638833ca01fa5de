// What the demo hosts, and when it is deployed, scaled, failed and stopped.

import type { Range } from '../../core/range.ts';
import type { RegisterRequest } from '../../resources/registration.ts';
import { type DemoDays, RUSH_FROM_AGO, RUSH_TO_AGO } from './days.ts';

export const OWNERS = {
  mara: 'Mara Lindner',
  jonas: 'Jonas Weber',
  aylin: 'Aylin Demir',
  tobias: 'Tobias Krause',
  priya: 'Priya Nair',
} as const;

/** Runs in office hours. At first a scheduler reported them afterwards; since then it calls at their start and end. */
export const TICKET_SUMMARIES = { sinceAgo: 180, fromAgo: 10, hardware: 'g5.xlarge' } as const;
const OPENING_HOUR = 9;
const CLOSING_HOUR = 17;

/** One lifecycle call. */
export type Turn =
  | {
      readonly call: 'DEPLOY' | 'REQUEST' | 'SCALE';
      readonly atMs: number;
      readonly hardware: string;
      readonly replicas: number;
    }
  | { readonly call: 'READY' | 'UNDEPLOY' | 'DELETE'; readonly atMs: number }
  | { readonly call: 'FAIL'; readonly atMs: number; readonly message: string };

/** A hosted resource: registered a few days before its first turn. */
export interface Hosted {
  readonly registration: RegisterRequest;
  readonly registeredAgo: number;
  /** In order of time; empty if all hosting is recorded periods. */
  readonly turns: readonly Turn[];
}

/** A range of hosting that follows from turns. `toMs` is Infinity while it runs. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly hardware: string;
  readonly replicas: number;
}

/** Everything that is hosted in the demo. */
export function hostedOf(days: DemoDays): readonly Hosted[] {
  return [
    ...baseDeployments(days),
    ...fineTunedDeployments(days),
    ...guardrails(days),
    ...ocrDeployments(days),
    ...customScripts(days),
    ...scheduledScripts(),
    ...browserPods(),
  ];
}

/** When a resource ran, and on what. */
export function stretchesOf(turns: readonly Turn[]): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let placed: Pick<Stretch, 'hardware' | 'replicas'> = { hardware: '', replicas: 1 };
  let runsFromMs: number | null = null;
  for (const turn of turns) {
    if (runsFromMs !== null) stretches.push({ ...placed, fromMs: runsFromMs, toMs: turn.atMs });
    const isPlacing = turn.call === 'DEPLOY' || turn.call === 'REQUEST' || turn.call === 'SCALE';
    if (isPlacing) placed = { hardware: turn.hardware, replicas: turn.replicas };
    const runs = turn.call === 'DEPLOY' || turn.call === 'READY' || turn.call === 'SCALE';
    runsFromMs = runs ? turn.atMs : null;
  }
  if (runsFromMs !== null) stretches.push({ ...placed, fromMs: runsFromMs, toMs: Infinity });
  return stretches;
}

function deploymentOf(externalId: string, name: string) {
  return { kind: 'MODEL_DEPLOYMENT', externalId, name } as const;
}

function baseDeployments(days: DemoDays): readonly Hosted[] {
  const { aylin, jonas, priya } = OWNERS;
  const modelType = 'BASE';
  const mistral = { modelExternalId: 'mistral-7b-instruct', modelName: 'Mistral 7B Instruct' };
  const llama = { modelExternalId: 'llama-3.1-8b-instruct', modelName: 'Llama 3.1 8B Instruct' };
  return [
    {
      registration: {
        ...deploymentOf('mistral-baseline', 'Mistral baseline'),
        ...mistral,
        modelType,
        owner: aylin,
      },
      registeredAgo: 394,
      turns: [
        deploy(days.workday(391, 10, 15), 'g5.xlarge'),
        scale(days.workday(335, 11, 20), 'g4dn.xlarge', 1),
        end('UNDEPLOY', days.workday(299, 17, 5)),
      ],
    },
    {
      registration: {
        ...deploymentOf('ticket-summaries', 'Ticket summaries'),
        ...llama,
        modelType,
        owner: jonas,
      },
      registeredAgo: 186,
      turns: officeHours(days, TICKET_SUMMARIES),
    },
    {
      registration: {
        ...deploymentOf('llama-long-documents', 'Llama on long documents'),
        ...llama,
        modelType,
        owner: priya,
      },
      registeredAgo: 242,
      turns: [
        ...[226, 169, 76, 29].flatMap((ago) => [
          deploy(days.workday(ago, 13, 20), 'gpu-a100-80gb'),
          end('UNDEPLOY', days.workday(ago, 17, 4)),
        ]),
        // Still waiting for capacity at the first start.
        request(days.at(1, 21, 40), 'gpu-a100-80gb', 2),
      ],
    },
  ];
}

function fineTunedDeployments(days: DemoDays): readonly Hosted[] {
  const { aylin, priya } = OWNERS;
  const modelType = 'FINE_TUNED';
  const replies = { modelExternalId: 'support-replies-7b', modelName: 'Support Replies 7B' };
  const invoices = { modelExternalId: 'invoice-fields-8b', modelName: 'Invoice Fields 8B' };
  return [
    {
      registration: {
        ...deploymentOf('support-replies-prod', 'Support replies, production'),
        ...replies,
        modelType,
        owner: aylin,
      },
      registeredAgo: 322,
      turns: [
        request(days.workday(300, 9, 40), 'g4dn.xlarge'),
        end('READY', days.workday(300, 9, 52)),
        scale(days.at(RUSH_FROM_AGO - 3, 7, 30), 'g4dn.xlarge', 2),
        scale(days.at(RUSH_TO_AGO + 4, 21, 10), 'g4dn.xlarge', 1),
      ],
    },
    {
      registration: {
        ...deploymentOf('invoice-fields-prod', 'Invoice fields, production'),
        ...invoices,
        modelType,
        owner: priya,
      },
      registeredAgo: 112,
      turns: [
        deploy(days.workday(96, 11, 30), 'g4dn.xlarge'),
        scale(days.workday(93, 9), 'g5.xlarge', 1),
        end('UNDEPLOY', days.workday(91, 18, 20)),
        deploy(days.workday(43, 9, 10), 'g4dn.xlarge'),
        end('UNDEPLOY', days.workday(40, 18, 45)),
      ],
    },
    {
      registration: {
        ...deploymentOf('invoice-fields-canary', 'Invoice fields, canary'),
        ...invoices,
        modelType,
        owner: priya,
      },
      registeredAgo: 16,
      turns: [
        deploy(days.workday(12, 11, 5), 'g4dn.xlarge'),
        {
          call: 'FAIL',
          atMs: days.workday(12, 14, 17),
          message: 'CUDA out of memory: the model needs 17.2 GB, one T4 has 15.6 GB.',
        },
      ],
    },
  ];
}

function guardrails(days: DemoDays): readonly Hosted[] {
  const owner = OWNERS.tobias;
  const kind = 'GUARDRAIL';
  const hardware = 'guardrail-1-4';
  return [
    {
      registration: { kind, externalId: 'pii-masking', name: 'Personal data masking', owner },
      registeredAgo: 389,
      turns: [deploy(days.workday(385, 14, 30), hardware)],
    },
    {
      registration: { kind, externalId: 'prompt-shield', name: 'Prompt injection shield', owner },
      registeredAgo: 216,
      turns: [deploy(days.workday(214, 10, 50), hardware)],
    },
    {
      registration: { kind, externalId: 'tone-of-voice', name: 'Tone of voice', owner },
      registeredAgo: 255,
      turns: [
        deploy(days.workday(250, 15, 25), hardware),
        end('UNDEPLOY', days.workday(218, 16, 40)),
      ],
    },
  ];
}

function ocrDeployments(days: DemoDays): readonly Hosted[] {
  const kind = 'OCR_DEPLOYMENT';
  const ocrModel = 'Docling';
  const hardware = 'ocr-2-8';
  const { jonas, mara } = OWNERS;
  return [
    {
      registration: {
        kind,
        externalId: 'invoice-ocr',
        name: 'Supplier invoices',
        ocrModel,
        owner: jonas,
      },
      registeredAgo: 383,
      turns: [
        deploy(days.workday(380, 9, 25), hardware),
        scale(days.at(RUSH_FROM_AGO, 7, 40), hardware, 2),
        scale(days.at(RUSH_TO_AGO, 21, 20), hardware, 1),
      ],
    },
    {
      registration: {
        kind,
        externalId: 'delivery-note-ocr',
        name: 'Delivery notes',
        ocrModel,
        owner: mara,
      },
      registeredAgo: 208,
      turns: DELIVERY_NOTES_AGO.flatMap(({ from, to }) => [
        deploy(days.workday(from, 8, 45), hardware),
        end('UNDEPLOY', days.workday(to, 17, 30)),
      ]),
    },
  ];
}

/** When delivery notes were read. */
export const DELIVERY_NOTES_AGO = [
  { from: 205, to: 162 },
  { from: 60, to: 46 },
] as const;

const javaScript = {
  kind: 'CUSTOM_SCRIPT',
  language: 'JavaScript',
  languageVersion: '20.19.0',
} as const;
const python = { kind: 'CUSTOM_SCRIPT', language: 'Python', languageVersion: '3.10.15' } as const;

function customScripts(days: DemoDays): readonly Hosted[] {
  const { jonas, mara } = OWNERS;
  const sync = { externalId: 'invoice-sync', name: 'Invoice sync to ERP', owner: jonas };
  const dump = { externalId: 'legacy-crm-export', name: 'Legacy CRM export', owner: mara };
  return [
    {
      registration: { ...javaScript, ...sync },
      registeredAgo: 393,
      turns: [
        ...weeks(days, { fromAgo: 388, untilAgo: 167, hardware: 'cpu-1-2' }),
        deploy(days.workday(160, 8, 5), 'cpu-1-2'),
      ],
    },
    {
      registration: { ...python, ...dump },
      registeredAgo: 375,
      turns: [
        ...[372, 341, 311, 280, 250, 219].flatMap((ago) => [
          deploy(days.workday(ago, 6, 30), 'cpu-4-8'),
          end('UNDEPLOY', days.workday(ago, 8, 50)),
        ]),
        end('DELETE', days.workday(204, 11, 15)),
      ],
    },
  ];
}

// These run by schedule: their hosting is recorded after it has ended.
function scheduledScripts(): readonly Hosted[] {
  const { mara, tobias, priya } = OWNERS;
  const dedupe = { externalId: 'crm-dedupe', name: 'CRM duplicate finder', owner: mara };
  const crawler = { externalId: 'price-crawler', name: 'Competitor price crawler', owner: tobias };
  const report = { externalId: 'revenue-report', name: 'Weekly revenue report', owner: priya };
  return [
    { registration: { ...python, ...dedupe }, registeredAgo: 372, turns: [] },
    { registration: { ...javaScript, ...crawler }, registeredAgo: 281, turns: [] },
    { registration: { ...python, ...report }, registeredAgo: 338, turns: [] },
  ];
}

function browserPods(): readonly Hosted[] {
  const kind = 'BROWSER_POD';
  const { tobias, mara } = OWNERS;
  return [
    {
      registration: { kind, externalId: 'supplier-portals', name: 'Supplier portals', owner: mara },
      registeredAgo: 352,
      turns: [],
    },
    {
      registration: { kind, externalId: 'parcel-tracking', name: 'Parcel tracking', owner: tobias },
      registeredAgo: 262,
      turns: [],
    },
    {
      registration: { kind, externalId: 'customs-forms', name: 'Customs forms', owner: mara },
      registeredAgo: 142,
      turns: [],
    },
  ];
}

// Started on workday mornings and stopped in the evening.
function officeHours(
  days: DemoDays,
  { fromAgo, hardware }: { readonly fromAgo: number; readonly hardware: string },
): readonly Turn[] {
  return days
    .all(fromAgo, 0)
    .filter(({ isWorkday }) => isWorkday)
    .map(({ ago }) => officeHoursOf(days, ago))
    .flatMap(({ fromMs, toMs }) => [deploy(fromMs, hardware), end('UNDEPLOY', toMs)]);
}

/** When the office is open on a workday. */
export function officeHoursOf(days: DemoDays, ago: number): Range {
  return { fromMs: days.at(ago, OPENING_HOUR), toMs: days.at(ago, CLOSING_HOUR) };
}

// Started on Mondays and stopped on Fridays; the last week begins on or before `untilAgo`.
function weeks(
  days: DemoDays,
  stage: { readonly fromAgo: number; readonly untilAgo: number; readonly hardware: string },
): readonly Turn[] {
  return days
    .all(stage.fromAgo, stage.untilAgo)
    .filter(({ ago }) => days.weekday(ago) === 0)
    .flatMap(({ ago }) => [
      deploy(days.at(ago, 6), stage.hardware),
      end('UNDEPLOY', days.at(ago - 4, 21)),
    ]);
}

function deploy(atMs: number, hardware: string, replicas = 1): Turn {
  return { call: 'DEPLOY', atMs, hardware, replicas };
}

function request(atMs: number, hardware: string, replicas = 1): Turn {
  return { call: 'REQUEST', atMs, hardware, replicas };
}

function scale(atMs: number, hardware: string, replicas: number): Turn {
  return { call: 'SCALE', atMs, hardware, replicas };
}

function end(call: 'READY' | 'UNDEPLOY' | 'DELETE', atMs: number): Turn {
  return { call, atMs };
}
