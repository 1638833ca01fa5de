// Asks the API one question about a range, and works the same answer out from the raw facts: both in one plain form, so
// that a test compares the two whole.

import type { Question } from '../arbitraries.ts';
import type { Answer } from '../gateway.ts';
import {
  BrowserPodsTabDocument,
  CustomScriptsTabDocument,
  GuardrailsTabDocument,
  ModelsTabDocument,
  OcrDeploymentsTabDocument,
  OverviewDocument,
  WorkflowsTabDocument,
  type DateRangeInput,
  type OverviewQuery,
} from '@billing-gateway/client/operations';
import { iso, isoOrNull, micro, ms, percent } from './forms.ts';
import type { Facts, Resource } from './facts.ts';
import type { Life } from './live.ts';
import {
  autoUnit,
  bucketsOf,
  previousOf,
  resolve,
  type Cycles,
  type RangeQuestion,
  type Span,
  type Unit,
} from './time.ts';
import {
  allocatedIn,
  CATEGORIES,
  chargesIn,
  COMPONENTS,
  creditsBy,
  hardwareOf,
  listed,
  sumsOf,
  trendOf,
  type Charge,
  type HardwareLine,
} from './usage.ts';

const BUCKETS_MAX = 2_500;

/** A question with everything that it takes to answer it from the facts. */
export interface Asked {
  readonly life: Life;
  readonly facts: Facts & Cycles;
  readonly now: number;
  readonly question: Question;
  readonly range: RangeQuestion;
  readonly span: Span;
  /** The bucket width to ask for, and what it means. */
  readonly granularity: Unit | 'AUTO';
  readonly unit: Unit;
}

export interface Compared {
  readonly told: unknown;
  readonly known: unknown;
}

/** Puts a question to an account; where the buckets would be too many, for wider ones. */
export function prepare(life: Life, known: Facts, question: Question): Asked {
  const { zones } = life;
  const facts = { ...known, zones, since: zones[0]?.from ?? 0 };
  const now = life.gateway.clock.nowMs();
  const range = question.namesZone ? question.range : { ...question.range, zone: facts.timeZone };
  const span = resolve(range, facts, now);
  const meant = question.unit === 'AUTO' ? autoUnit(span, range.zone) : question.unit;
  const isTooFine =
    meant === 'HOUR' && bucketsOf(span, range.zone, 'DAY').length * 24 > BUCKETS_MAX;
  const [granularity, unit] = isTooFine
    ? (['DAY', 'DAY'] as const)
    : ([question.unit, meant] as const);
  return { life, facts, now, question, range, span, granularity, unit };
}

/** The range as the API takes it. */
export function rangeInput({ question, range }: Asked): DateRangeInput {
  const { preset, from, to, fromDay, toDay, zone } = range;
  return {
    preset: preset ?? null,
    from: from === undefined ? null : iso(from),
    to: to === undefined ? null : iso(to),
    fromDay: fromDay ?? null,
    toDay: toDay ?? null,
    timeZone: question.namesZone ? zone : null,
  };
}

/** The Overview: totals, pie, components, trend, hardware, and the range before. */
export async function compareOverview(asked: Asked): Promise<Compared> {
  const { facts, span, range, now, unit } = asked;
  const usage = await askOverview(asked, rangeInput(asked));
  const before = previousOf(range, facts, now);
  const charges = chargesIn(facts, span, now);
  return {
    told: {
      zone: usage.range.timeZone,
      ...toldTotals(usage),
      previous: toldTotals(usage.previous),
      unit: usage.trend.granularity,
      buckets: usage.trend.buckets.map((bucket) => [
        ...[bucket.from, bucket.to, bucket.isPartial, BigInt(bucket.workflowRuns)],
        ...[bucket.credits, bucket.models, bucket.guardrails, bucket.customScripts, bucket.ocr].map(
          micro,
        ),
        micro(bucket.browserAutomation),
      ]),
      hardware: toldHardware(usage.hardware),
    },
    known: {
      zone: range.zone,
      ...knownTotals(asked, span),
      previous: knownTotals(asked, before),
      unit,
      buckets: trendOf(facts, { range: span, zone: range.zone, unit, now }).map((bucket) => [
        ...[iso(bucket.from), iso(bucket.to), bucket.isPartial, sumsOf(bucket.charges).runs],
        sumsOf(bucket.charges).credits,
        ...creditsBy(bucket.charges, 'category', CATEGORIES),
      ]),
      hardware: hardwareOf(facts, charges),
    },
  };
}

/** The Overview of a range, as the API tells it. */
export async function askOverview(
  { life, granularity }: Asked,
  range: DateRangeInput,
): Promise<Overview> {
  const { accountId, gateway } = life;
  const answer = await gateway.query(OverviewDocument, { accountId, range, granularity });
  return required(answer, (data) => data.account?.usage);
}
type Overview = NonNullable<OverviewQuery['account']>['usage'];

/** One of the six tabs: every row, its totals and its hardware. */
export async function compareTab(asked: Asked): Promise<Compared> {
  const tab = asked.question.pick % (HOSTED_TABS.length + 2);
  const hosted = HOSTED_TABS[tab];
  if (hosted !== undefined) return compareHosted(asked, hosted);
  return tab === HOSTED_TABS.length ? compareModels(asked) : compareWorkflows(asked);
}
const HOSTED_TABS = ['GUARDRAIL', 'CUSTOM_SCRIPT', 'OCR_DEPLOYMENT', 'BROWSER_POD'] as const;
type HostedTab = (typeof HOSTED_TABS)[number];

async function compareWorkflows(asked: Asked): Promise<Compared> {
  const { gateway, accountId } = asked.life;
  const variables = { accountId, range: rangeInput(asked), first: 500 };
  const answer = await gateway.query(WorkflowsTabDocument, variables);
  const page = required(answer, (data) => data.account?.usage.workflows);
  const rows = listed(asked.facts, 'WORKFLOW').map((resource) => ({
    name: resource.externalId,
    runs: sumsOf(chargesOf(asked, resource.id)).runs,
    lastActiveOn: isoOrNull(resource.lastActive),
  }));
  return {
    told: {
      rows: byName(
        page.nodes.map(({ workflow, runs, lastActiveOn }) => ({
          name: workflow.externalId,
          runs: BigInt(runs),
          lastActiveOn,
        })),
      ),
      totals: toldPageTotals(page.totals),
      isOrdered: isDescending(page.nodes.map(({ runs }) => BigInt(runs))),
    },
    known: {
      rows: byName(rows),
      totals: knownPageTotals(
        rows.length,
        listed(asked.facts, 'WORKFLOW').flatMap(({ id }) => chargesOf(asked, id)),
      ),
      isOrdered: true,
    },
  };
}

async function compareModels(asked: Asked): Promise<Compared> {
  const { facts, life, span, now } = asked;
  const answer = await life.gateway.query(ModelsTabDocument, {
    accountId: life.accountId,
    range: rangeInput(asked),
    first: 500,
    firstDeployments: 500,
  });
  const page = required(answer, (data) => data.account?.usage.models);
  const charges = chargesIn(facts, span, now);
  const deployments = listed(facts, 'MODEL_DEPLOYMENT');
  return {
    told: {
      rows: byName(
        page.nodes.map((row) => ({
          name: row.model.externalId,
          credits: micro(row.credits),
          components: [
            row.hostingCredits,
            row.fineTuningCredits,
            row.storageCredits,
            row.processingCredits,
          ].map(micro),
          time: ms(row.time),
          deployments: byName(row.deployments.nodes.map(toldHosted)),
          deploymentTotals: toldPageTotals(row.deployments.totals),
        })),
      ),
      totals: toldPageTotals(page.totals),
      isOrdered: isDescending(page.nodes.map(({ credits }) => micro(credits))),
    },
    known: {
      rows: byName(
        facts.models.map(({ id, externalId }) => {
          const own = charges.filter(({ model }) => model === id);
          const below = deployments.filter(({ model }) => model === id);
          return {
            name: externalId,
            credits: sumsOf(own).credits,
            components: creditsBy(own, 'component', COMPONENTS),
            time: sumsOf(own).time,
            deployments: byName(below.map((resource) => knownHosted(asked, resource))),
            deploymentTotals: knownPageTotals(
              below.length,
              below.flatMap((resource) => chargesOf(asked, resource.id)),
            ),
          };
        }),
      ),
      totals: knownPageTotals(
        facts.models.length,
        charges.filter(({ model }) => model !== null),
      ),
      isOrdered: true,
    },
  };
}

async function compareHosted(asked: Asked, kind: HostedTab): Promise<Compared> {
  const page = await askHosted(asked, kind);
  const resources = listed(asked.facts, kind);
  return {
    told: {
      rows: byName(page.nodes.map(toldHosted)),
      totals: toldPageTotals(page.totals),
      isOrdered: isDescending(page.nodes.map(({ credits }) => micro(credits))),
    },
    known: {
      rows: byName(resources.map((resource) => knownHosted(asked, resource))),
      totals: knownPageTotals(
        resources.length,
        resources.flatMap(({ id }) => chargesOf(asked, id)),
      ),
      isOrdered: true,
    },
  };
}

async function askHosted(asked: Asked, kind: HostedTab): Promise<HostedPage> {
  const { gateway, accountId } = asked.life;
  const variables = { accountId, range: rangeInput(asked), first: 500 };
  switch (kind) {
    case 'GUARDRAIL': {
      const answer = await gateway.query(GuardrailsTabDocument, variables);
      return required(answer, (data) => data.account?.usage.guardrails);
    }
    case 'CUSTOM_SCRIPT': {
      const answer = await gateway.query(CustomScriptsTabDocument, variables);
      return required(answer, (data) => data.account?.usage.customScripts);
    }
    case 'OCR_DEPLOYMENT': {
      const answer = await gateway.query(OcrDeploymentsTabDocument, variables);
      return required(answer, (data) => data.account?.usage.ocrDeployments);
    }
    case 'BROWSER_POD': {
      const answer = await gateway.query(BrowserPodsTabDocument, variables);
      return required(answer, (data) => data.account?.usage.browserPods);
    }
  }
}

function runsNow({ facts }: Asked, { id }: Resource): boolean {
  return facts.segments.some(({ resource, to }) => resource === id && to === null);
}

/** What falls upon one resource within the range. */
export function chargesOf({ facts, span, now }: Asked, resourceId: number): readonly Charge[] {
  return chargesIn(facts, span, now).filter(({ resource }) => resource?.id === resourceId);
}

interface ToldHosted {
  readonly resource: { readonly externalId: string; readonly lastActiveOn: string | null };
  readonly lastDeployedOn: string | null;
  readonly credits: string;
  readonly time: string;
  readonly components: readonly { readonly component: string; readonly credits: string }[];
  readonly hardware: readonly ToldHardware[];
}
interface ToldHardware {
  readonly hardware: { readonly name: string };
  readonly time: string;
  readonly replicaTime: string;
  readonly peakReplicas: number;
  readonly credits: string;
}
interface ToldPageTotals {
  readonly count: number;
  readonly runs: number;
  readonly credits: string;
  readonly hostingTime: string;
  readonly hostingCredits: string;
  readonly fineTuningCredits: string;
  readonly storageCredits: string;
  readonly processingCredits: string;
}
interface HostedFigures {
  readonly name: string;
  readonly lastDeployedOn: string | null;
  readonly lastActiveOn: string | null;
  readonly credits: bigint;
  readonly components: readonly bigint[];
  readonly time: number;
  readonly hardware: readonly HardwareLine[];
}
interface HostedPage {
  readonly nodes: readonly ToldHosted[];
  readonly totals: ToldPageTotals;
}

/** The row of a hosted resource, or the panel behind it, as the API tells it. */
export function toldHosted(row: ToldHosted): HostedFigures {
  return {
    name: row.resource.externalId,
    lastDeployedOn: row.lastDeployedOn,
    lastActiveOn: row.resource.lastActiveOn,
    credits: micro(row.credits),
    components: COMPONENTS.map((component) =>
      micro(row.components.find((part) => part.component === component)?.credits ?? '0'),
    ),
    time: ms(row.time),
    hardware: toldHardware(row.hardware),
  };
}

export function knownHosted(asked: Asked, resource: Resource): HostedFigures {
  const own = chargesOf(asked, resource.id);
  return {
    name: resource.externalId,
    lastDeployedOn: isoOrNull(resource.lastDeployed),
    lastActiveOn: isoOrNull(runsNow(asked, resource) ? asked.now : resource.lastActive),
    credits: sumsOf(own).credits,
    components: creditsBy(own, 'component', COMPONENTS),
    time: sumsOf(own).time,
    hardware: hardwareOf(asked.facts, own),
  };
}

export function toldHardware(lines: readonly ToldHardware[]): readonly HardwareLine[] {
  return lines.map(({ hardware, time, replicaTime, peakReplicas, credits }) => ({
    name: hardware.name,
    time: ms(time),
    replicaTime: ms(replicaTime),
    peakReplicas,
    credits: micro(credits),
  }));
}

function toldTotals(usage: Pick<Overview, 'range' | 'workflowRuns' | 'credits'>): object {
  const { range, workflowRuns, credits } = usage;
  return {
    from: range.from,
    to: range.to,
    runs: [
      ...[BigInt(workflowRuns.used), BigInt(workflowRuns.allocated), workflowRuns.allocations],
      workflowRuns.percentUsed,
    ],
    credits: [
      ...[micro(credits.used), micro(credits.allocated), credits.allocations],
      credits.percentUsed,
    ],
    byCategory: credits.byCategory.map((part) => [
      part.category,
      micro(part.credits),
      part.percent,
    ]),
    byComponent: COMPONENTS.map((component) =>
      micro(credits.byComponent.find((part) => part.component === component)?.credits ?? '0'),
    ),
  };
}

function knownTotals({ facts, now }: Asked, span: Span): object {
  const charges = chargesIn(facts, span, now);
  const { runs, credits } = sumsOf(charges);
  const runsAllocated = allocatedIn(facts, 'WORKFLOW_RUNS', span);
  const inRuns = runsAllocated.sum / 1_000_000n;
  const creditsAllocated = allocatedIn(facts, 'CREDITS', span);
  const slices = creditsBy(charges, 'category', CATEGORIES);
  return {
    from: iso(span.from),
    to: iso(span.to),
    runs: [runs, inRuns, runsAllocated.count, percent(runs, inRuns)],
    credits: [
      ...[credits, creditsAllocated.sum, creditsAllocated.count],
      percent(credits, creditsAllocated.sum),
    ],
    byCategory: CATEGORIES.map((category, index) => {
      const slice = slices[index] ?? 0n;
      return [category, slice, percent(slice, credits) ?? 0];
    }),
    byComponent: creditsBy(charges, 'component', COMPONENTS),
  };
}

export function toldPageTotals(totals: ToldPageTotals): unknown {
  return {
    count: totals.count,
    runs: BigInt(totals.runs),
    credits: micro(totals.credits),
    time: ms(totals.hostingTime),
    components: [
      totals.hostingCredits,
      totals.fineTuningCredits,
      totals.storageCredits,
      totals.processingCredits,
    ].map(micro),
  };
}

export function knownPageTotals(count: number, charges: readonly Charge[]): unknown {
  const { runs, credits, time } = sumsOf(charges);
  return { count, runs, credits, time, components: creditsBy(charges, 'component', COMPONENTS) };
}

export function isDescending(values: readonly bigint[]): boolean {
  return values.every((value, index) => index === 0 || (values[index - 1] ?? 0n) >= value);
}

function byName<T extends { readonly name: string }>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The part of an answer that a question was for. @throws with the answer's errors when it is missing */
export function required<TData, TPart>(
  answer: Answer<TData>,
  partOf: (data: TData) => TPart | null | undefined,
): TPart {
  const part = answer.errors === undefined ? partOf(answer.data) : null;
  if (part == null) throw new Error(JSON.stringify(answer));
  return part;
}
