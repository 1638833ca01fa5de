// The report and the panels behind the rows, asked of the API and worked out from the raw facts.

import {
  HostedPanelDocument,
  ModelPanelDocument,
  ReportDocument,
  WorkflowPanelDocument,
  type ReportQuery,
  type UsageFilter,
} from '@billing-gateway/client/operations';
import type { Resource } from './facts.ts';
import { iso, micro, ms } from './forms.ts';
import {
  chargesOf,
  knownHosted,
  rangeInput,
  required,
  toldHardware,
  toldHosted,
  type Asked,
  type Compared,
} from './questions.ts';
import { bucketsOf } from './time.ts';
import {
  chargesIn,
  DIMENSIONS,
  hardwareOf,
  nameOf,
  reportKey,
  reportOf,
  sumsOf,
  unitsOf,
  type Charge,
  type ReportRow,
} from './usage.ts';
import { encodeId } from '../../../src/core/identity.ts';

const PAGE = 40;
/** More rows than this are many requests and no more truth. */
const ROWS_MAX = 1_500;

type ToldRow = NonNullable<ReportQuery['account']>['usage']['report']['nodes'][number];

/** The report over the question's dimensions, read page by page; null where it would be very long. */
export async function compareReport(asked: Asked): Promise<Compared | null> {
  const { question, facts, span, range, now, unit } = asked;
  const groupBy = DIMENSIONS.filter((dimension) => question.groupBy.includes(dimension));
  const bucketed = question.isBucketed ? unit : null;
  const known = reportOf(facts, {
    range: span,
    zone: range.zone,
    unit: bucketed,
    groupBy,
    filter: question.filter,
    now,
  });
  if (known.length > ROWS_MAX) return null;
  const told = await askReport(asked, known.length > 5 * PAGE ? 500 : PAGE);
  const rows = told.nodes.map((row): ReportRow => {
    const values = {
      CATEGORY: row.category,
      COMPONENT: row.component,
      RESOURCE: row.resource === null ? null : nameOf(row.resource),
      OWNER: row.owner,
      UNIT: row.unit,
      HARDWARE: row.hardware?.name ?? null,
      MODEL: row.model?.externalId ?? null,
    };
    const bucket =
      row.from === null || row.to === null
        ? null
        : { from: Date.parse(row.from), to: Date.parse(row.to) };
    return {
      key: reportKey(
        bucket,
        groupBy.map((dimension) => values[dimension]),
      ),
      runs: BigInt(row.runs),
      quantity: BigInt(row.quantity),
      credits: micro(row.credits),
      time: ms(row.time),
      replicaTime: ms(row.replicaTime),
    };
  });
  return {
    told: { rows: byKey(rows), count: told.totalCount, isOrdered: isOrdered(told.nodes) },
    known: { rows: byKey(known), count: known.length, isOrdered: true },
  };
}

async function askReport(
  asked: Asked,
  first: number,
): Promise<{ readonly nodes: readonly ToldRow[]; readonly totalCount: number }> {
  const { question, life, granularity } = asked;
  const { accountId, gateway } = life;
  const nodes: ToldRow[] = [];
  for (let after: string | null = null; ;) {
    const answer: Awaited<ReturnType<typeof gateway.query<ReportQuery, object>>> =
      await gateway.query(ReportDocument, {
        accountId,
        range: rangeInput(asked),
        groupBy: question.groupBy,
        granularity: question.isBucketed ? granularity : null,
        filter: question.filter as UsageFilter,
        first,
        after,
      });
    const page = required(answer, (data) => data.account?.usage.report);
    nodes.push(...page.nodes);
    if (!page.pageInfo.hasNextPage) return { nodes, totalCount: page.totalCount };
    after = page.pageInfo.endCursor;
  }
}

/** The panel behind a row: of a resource of the question's choice, with the segments that explain its hosting. */
export async function comparePanel(asked: Asked): Promise<Compared> {
  const { facts, question } = asked;
  const resource = facts.resources[question.pick % facts.resources.length];
  if (resource === undefined) throw new Error('the history has no resources');
  if (resource.kind === 'WORKFLOW') return compareWorkflowPanel(asked, resource);
  const { gateway, accountId } = asked.life;
  const answer = await gateway.query(HostedPanelDocument, {
    accountId,
    kind: resource.kind as never,
    externalId: resource.externalId,
    range: rangeInput(asked),
    granularity: asked.granularity,
    firstSegments: 500,
  });
  const told = required(answer, (data) => data.resource);
  if (told.__typename === 'Workflow') throw new Error('a hosted resource was asked for');
  const own = chargesOf(asked, resource.id);
  return {
    told: {
      ...toldHosted({ ...told.usage, resource: told }),
      quantities: told.usage.quantities.map(({ unit, quantity, credits }) => ({
        unit,
        quantity: BigInt(quantity),
        credits: micro(credits),
      })),
      trend: told.usage.trend.buckets.map(toldBucket),
      segments: told.usage.hardware.map(({ hardware, segments }) => ({
        name: hardware.name,
        segments: byKey(
          segments.nodes.map((segment) => ({
            key: [segment.hostingFrom, segment.from, segment.to].join(' '),
            replicas: segment.replicas,
            rate: micro(segment.creditsPerHour),
            time: ms(segment.time),
            replicaTime: ms(segment.replicaTime),
            credits: micro(segment.credits),
          })),
        ),
      })),
    },
    known: {
      ...knownHosted(asked, resource),
      quantities: unitsOf(own),
      trend: knownTrend(asked, ({ resource: of }) => of?.id === resource.id, 'credits'),
      segments: hardwareOf(facts, own).map(({ name }) => ({
        name,
        segments: byKey(segmentsOf(asked, own, name)),
      })),
    },
  };
}

function segmentsOf(
  { facts }: Asked,
  charges: readonly Charge[],
  hardware: string,
): readonly Keyed[] {
  return charges.flatMap(({ hosted, hardware: id, time, replicaTime }) => {
    const isOn = facts.hardware.some((profile) => profile.id === id && profile.name === hardware);
    if (hosted === null || !isOn) return [];
    const { from, to, hostingFrom, replicas, rate, credits } = hosted;
    const key = [hostingFrom, from, to].map(iso).join(' ');
    return [{ key, replicas, rate, time, replicaTime, credits }];
  });
}

async function compareWorkflowPanel(asked: Asked, resource: Resource): Promise<Compared> {
  const { gateway, accountId } = asked.life;
  const { externalId } = resource;
  const answer = await gateway.query(WorkflowPanelDocument, {
    accountId,
    kind: 'WORKFLOW',
    externalId,
    range: rangeInput(asked),
    granularity: asked.granularity,
  });
  const told = required(answer, (data) => data.resource);
  if (told.__typename !== 'Workflow') throw new Error('a workflow was asked for');
  return {
    told: {
      runs: BigInt(told.usage.runs),
      trend: told.usage.trend.buckets.map(({ from, to, isPartial, runs }) => [
        from,
        to,
        isPartial,
        BigInt(runs),
      ]),
    },
    known: {
      runs: sumsOf(chargesOf(asked, resource.id)).runs,
      trend: knownTrend(asked, ({ resource: of }) => of?.id === resource.id, 'runs'),
    },
  };
}

/** The panel of a model: its own charges and those of its deployments. */
export async function compareModelPanel(asked: Asked): Promise<Compared> {
  const { facts, question, life, span, now } = asked;
  const model = facts.models[question.pick % facts.models.length];
  if (model === undefined) throw new Error('the history has no models');
  const answer = await life.gateway.query(ModelPanelDocument, {
    id: encodeId('Model', life.account, model.id),
    range: rangeInput(asked),
    granularity: asked.granularity,
  });
  const told = required(answer, (data) => data.node);
  if (told.__typename !== 'Model') throw new Error('a model was asked for');
  const own = chargesIn(facts, span, now).filter((charge) => charge.model === model.id);
  return {
    told: {
      credits: micro(told.usage.credits),
      time: ms(told.usage.time),
      hardware: toldHardware(told.usage.hardware),
      trend: told.usage.trend.buckets.map(toldBucket),
    },
    known: {
      credits: sumsOf(own).credits,
      time: sumsOf(own).time,
      hardware: hardwareOf(facts, own),
      trend: knownTrend(asked, (charge) => charge.model === model.id, 'credits'),
    },
  };
}

function knownTrend(
  { facts, span, range, unit, now }: Asked,
  isMeant: (charge: Charge) => boolean,
  figure: 'credits' | 'runs',
): readonly unknown[] {
  return bucketsOf(span, range.zone, unit).map((bucket) => [
    iso(bucket.from),
    iso(bucket.to),
    bucket.isPartial,
    sumsOf(chargesIn(facts, bucket, now).filter(isMeant))[figure],
  ]);
}

function toldBucket(bucket: {
  readonly from: string;
  readonly to: string;
  readonly isPartial: boolean;
  readonly credits: string;
}): readonly unknown[] {
  return [bucket.from, bucket.to, bucket.isPartial, micro(bucket.credits)];
}

/** Order: from, then credits descending. */
function isOrdered(rows: readonly ToldRow[]): boolean {
  return rows.every((row, index) => {
    const before = rows[index - 1];
    if (before === undefined) return true;
    if (row.from !== before.from) return (row.from ?? '') > (before.from ?? '');
    return micro(before.credits) >= micro(row.credits);
  });
}

interface Keyed {
  readonly key: string;
}

function byKey<T extends Keyed>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
}
