// An email of every kind, from one made-up account. They are always the same: `npm run emails:preview` writes them, and
// docs/emails.md shows them.

import { HOUR_MS } from '../../core/range.ts';
import type { AlertRaised, CycleClosed, CreditEvent } from '../../engine/credit-event.ts';
import type { Position } from '../../engine/alert-rules.ts';
import { emailOf, webhookDisabledEmail } from '../../notifications/content.ts';
import { type EmailContent, instantsOf } from '../../notifications/email.ts';
import type { EmailFacts, Hosting, NamedResource } from '../../notifications/facts.ts';
import { STOPPED_MESSAGE } from '../../settlement/settlement.service.ts';

export interface ExampleEmail {
  /** Base name of its files. */
  readonly name: string;
  readonly content: EmailContent;
}

const ADDRESSEE = {
  account: { name: 'Acme', timeZone: 'Europe/Berlin' },
  usageUrl: 'https://billing.acme.example/usage',
};
/** Tuesday, 13:00 in Berlin. */
const NOON_MS = Date.UTC(2026, 2, 10, 12);
const POLICY = {
  lowCreditMicro: 25_000_000n,
  negativeLimitMicro: -10_000_000n,
  fineTuningMinimumMicro: 25_000_000n,
};

const CHURN_MODEL = 17;
const INVOICE_READER = 23;
const RESOURCES: readonly NamedResource[] = [
  {
    resourceId: CHURN_MODEL,
    kind: 'MODEL_DEPLOYMENT',
    name: 'churn-model',
    externalId: 'dep-8821',
    endpointUrl: 'https://api.acme.example/models/churn',
    failureMessage: null,
  },
  {
    resourceId: INVOICE_READER,
    kind: 'OCR_DEPLOYMENT',
    name: 'invoice-reader',
    externalId: 'ocr-17',
    endpointUrl: null,
    failureMessage: 'The container ran out of memory.',
  },
];

function hosting(of: Pick<Hosting, 'resourceId'> & Partial<Hosting>): Hosting {
  const isModel = of.resourceId === CHURN_MODEL;
  return {
    hardware: isModel ? 'gpu-a100' : 'cpu-4x16',
    replicas: isModel ? 2 : 1,
    rateMicroPerHour: isModel ? 3_600_000n : 288_000n,
    fromMs: NOON_MS - 48 * HOUR_MS,
    toMs: null,
    ...of,
  };
}

// For an account with 300 credits and 10,000 runs.
function position(remainingMicro: bigint, values: Partial<Position> = {}): Position {
  return {
    atMs: NOON_MS,
    state: 'OK',
    policy: POLICY,
    credits: {
      hasBegun: true,
      allocatedMicro: 300_000_000n,
      usedMicro: 300_000_000n - remainingMicro,
      balanceMicro: remainingMicro,
    },
    runs: {
      hasBegun: true,
      allocatedMicro: 10_000_000_000n,
      usedMicro: 45_000_000n,
      balanceMicro: 9_955_000_000n,
    },
    stopsAtMs: null,
    ...values,
  };
}

function alert(
  of: Pick<AlertRaised, 'kind' | 'measure' | 'position'> & Partial<AlertRaised>,
): AlertRaised {
  return {
    what: 'ALERT',
    atMs: NOON_MS,
    sequence: 1,
    ruleId: 1,
    valueMicro: 0n,
    measuredMicro: null,
    stoppedResourceIds: [],
    resolves: null,
    ...of,
  };
}

const CYCLE: CycleClosed = {
  what: 'CYCLE_CLOSED',
  atMs: Date.UTC(2026, 1, 28, 23),
  cycle: { cycleId: 7, startMs: Date.UTC(2026, 0, 31, 23), endMs: Date.UTC(2026, 1, 28, 23) },
  credits: {
    carriedOverMicro: 12_340_000n,
    allocatedMicro: 300_000_000n,
    usedMicro: 212_160_000n,
    expiredMicro: 75_000_000n,
    adjustedMicro: -1_500_000n,
    closingMicro: 23_680_000n,
  },
  runs: {
    carriedOverMicro: 0n,
    allocatedMicro: 10_000_000_000n,
    usedMicro: 45_000_000n,
    expiredMicro: 0n,
    adjustedMicro: 0n,
    closingMicro: 9_955_000_000n,
  },
};

function example(
  name: string,
  creditEvents: readonly CreditEvent[],
  values: Partial<EmailFacts> = {},
): ExampleEmail {
  const facts: EmailFacts = {
    ...ADDRESSEE,
    resources: new Map(RESOURCES.map((resource) => [resource.resourceId, resource])),
    hosting: [hosting({ resourceId: CHURN_MODEL }), hosting({ resourceId: INVOICE_READER })],
    position: null,
    labels: new Map(),
    stoppedMessage: STOPPED_MESSAGE,
    ...values,
  };
  const [instant] = instantsOf(creditEvents);
  if (instant === undefined) throw new Error(`${name} makes no email`);
  return { name, content: emailOf(instant, facts) };
}

/** One of every kind, and both of CREDIT_USAGE. */
export function exampleEmails(): readonly ExampleEmail[] {
  return [...usageExamples(), ...limitExamples(), ...deploymentExamples(), webhookExample()];
}

function usageExamples(): readonly ExampleEmail[] {
  return [
    example('credit-usage', [
      alert({
        kind: 'CREDIT_THRESHOLD',
        measure: 'CREDITS_USED_PERCENT',
        valueMicro: 70_000_000n,
        measuredMicro: 70_720_000n,
        position: position(87_840_000n),
      }),
    ]),
    example('credit-usage-of-a-cycle', [CYCLE]),
    example(
      'run-usage',
      [
        alert({
          kind: 'RUN_THRESHOLD',
          measure: 'RUNS_USED_PERCENT',
          ruleId: 4,
          valueMicro: 400_000n,
          measuredMicro: 450_000n,
          position: position(87_840_000n),
        }),
      ],
      { labels: new Map([[4, 'Trial runs']]) },
    ),
  ];
}

function limitExamples(): readonly ExampleEmail[] {
  const ended = [CHURN_MODEL, INVOICE_READER].map((resourceId) =>
    hosting({ resourceId, toMs: NOON_MS }),
  );
  return [
    example('low-credits', [
      alert({
        kind: 'LOW_CREDITS',
        measure: 'LOW_CREDIT',
        position: position(25_000_000n, { state: 'LOW' }),
      }),
    ]),
    example('credits-exhausted', [
      alert({
        kind: 'CREDITS_EXHAUSTED',
        measure: 'ZERO',
        position: position(0n, { state: 'EXHAUSTED' }),
      }),
    ]),
    example(
      'negative-limit-reached',
      [
        alert({
          kind: 'NEGATIVE_LIMIT_REACHED',
          measure: 'NEGATIVE_LIMIT',
          position: position(-10_000_000n, { state: 'STOPPED' }),
          stoppedResourceIds: [CHURN_MODEL, INVOICE_READER],
        }),
      ],
      { hosting: ended },
    ),
    example('stop-expected', [
      alert({
        kind: 'STOP_EXPECTED',
        measure: 'HOURS_TO_STOP',
        valueMicro: 24_000_000n,
        measuredMicro: 24_000_000n,
        // 24 hours at 2 x 3.6 + 0.288 credits, with the 10 credits down to the negative limit.
        position: position(169_712_000n, { stopsAtMs: NOON_MS + 24 * HOUR_MS }),
      }),
    ]),
    example('resolved', [
      alert({ kind: 'RESOLVED', measure: 'LOW_CREDIT', position: position(287_840_000n) }),
      alert({
        kind: 'RESOLVED',
        measure: 'CREDITS_USED_PERCENT',
        valueMicro: 90_000_000n,
        position: position(287_840_000n),
      }),
    ]),
  ];
}

function deploymentExamples(): readonly ExampleEmail[] {
  const turn = { resourceId: CHURN_MODEL, atMs: NOON_MS };
  return [
    example('deployment-started', [{ ...turn, what: 'DEPLOYMENT_STARTED' }], {
      hosting: [hosting({ resourceId: CHURN_MODEL, fromMs: NOON_MS })],
      // 87.84 + 10 credits at 7.2 an hour: 13 hours 35 minutes 20 seconds.
      position: position(87_840_000n, { stopsAtMs: NOON_MS + 48_920_000 }),
    }),
    example(
      'deployment-stopped',
      [
        {
          what: 'DEPLOYMENT_STOPPED',
          cause: 'FAILED',
          resourceId: INVOICE_READER,
          atMs: NOON_MS + 250,
        },
      ],
      {
        hosting: [hosting({ resourceId: INVOICE_READER, toMs: NOON_MS + 250 })],
        position: position(87_840_000n, { atMs: NOON_MS + 250 }),
      },
    ),
  ];
}

function webhookExample(): ExampleEmail {
  const content = webhookDisabledEmail(ADDRESSEE, {
    url: 'https://hooks.acme.example/billing',
    reason: 'It answered 410 Gone.',
    disabledAtMs: NOON_MS,
  });
  return { name: 'webhook-disabled', content };
}
