// The panel of a row: one resource or model in one range, and the details of its hosting.

import { Args, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import { nowOf } from '../account/account.ts';
import { accountLoader } from '../account/account.loaders.ts';
import { present } from '../core/errors.ts';
import { intersect } from '../core/range.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Connection, Page100, pageOfList, wrongCursor } from '../graphql/page.ts';
import { chargeWithin, type HostingSegment } from '../hosting/charge.ts';
import { isRunning } from '../resources/resource.ts';
import { resourceLoader } from '../resources/resources.loaders.ts';
import {
  BillableResourceType,
  HostedResourceType,
  ModelObject,
  WorkflowType,
} from '../resources/resources.types.ts';
import type { RecordedEvent } from '../recording/event.ts';
import { eventLoader } from '../recording/events.loaders.ts';
import { resolveRangeAt } from '../account/range.ts';
import {
  hostedUsageNode,
  LAST_30_DAYS,
  modelUsageNode,
  UsageArgs,
  usageViews,
  workflowUsageNode,
} from './rows.graphql.ts';
import {
  HardwareUsageType,
  HostedUsageType,
  HostingSegmentConnection,
  HostingSegmentType,
  ModelUsageType,
  WorkflowUsageType,
} from './usage.types.ts';
import { openViewPage } from './pages.graphql.ts';
import { type View, viewOf } from './view.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

@Resolver(() => WorkflowType)
export class WorkflowUsageFieldResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => WorkflowUsageType)
  async usage(
    @Root() { resource }: WorkflowType,
    @Ctx() context: RequestContext,
    @Args(() => UsageArgs) args: UsageArgs,
  ): Promise<WorkflowUsageType> {
    const view = await askedView(context, resource.accountId, args);
    const [row] = await usageViews(context).rowsOf(view, [resource]);
    return workflowUsageNode(view, present(row, ONE_ROW));
  }
}

@Resolver(() => HostedResourceType)
export class HostedUsageFieldResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => HostedUsageType)
  async usage(
    @Root() { resource }: HostedResourceType,
    @Ctx() context: RequestContext,
    @Args(() => UsageArgs) args: UsageArgs,
  ): Promise<HostedUsageType> {
    const view = await askedView(context, resource.accountId, args);
    const [row] = await usageViews(context).rowsOf(view, [resource]);
    return hostedUsageNode(view, present(row, ONE_ROW));
  }
}

@Resolver(() => ModelObject)
export class ModelUsageFieldResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => ModelUsageType)
  async usage(
    @Root() { model }: ModelObject,
    @Ctx() context: RequestContext,
    @Args(() => UsageArgs) args: UsageArgs,
  ): Promise<ModelUsageType> {
    const view = await askedView(context, model.accountId, args);
    const [row] = await usageViews(context).modelRows(view, [model]);
    return modelUsageNode(view, present(row, ONE_ROW));
  }
}

const ONE_ROW = 'a view of one thing has one row';

// The row of a resource knows neither now nor the latest events, which are in the tail.
@Resolver(() => BillableResourceType)
export class LastActiveResolver {
  /** Not asked where the node knows it already: schema.ts sees to that. */
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver()
  async lastActiveOn(
    @Root() { resource }: BillableResourceType,
    @Ctx() context: RequestContext,
  ): Promise<number | null> {
    const views = usageViews(context);
    if (!isRunning(resource)) return views.lastActiveAtMs(resource, context.nowMs);
    return nowOf(await accountLoader(context).load(resource.accountId), context.nowMs);
  }
}

@Resolver(() => HardwareUsageType)
export class HardwareUsageResolver {
  @Cost(5)
  @FieldResolver(() => Int)
  async peakReplicas(
    @Root() { of }: HardwareUsageType,
    @Ctx() context: RequestContext,
  ): Promise<number> {
    return usageViews(context).peak(of);
  }

  @Cost(20)
  @FieldResolver(() => HostingSegmentConnection, { description: 'Ordered by `from`.' })
  async segments(
    @Root() { of }: HardwareUsageType,
    @Ctx() context: RequestContext,
    @Args(() => Page100) args: Page100,
  ): Promise<Connection<HostingSegmentType>> {
    const page = openViewPage({
      view: of.part,
      // All hardware lines of an answer get the same cursor argument: that of the line which is paged.
      list: ['segments'],
      args,
      defaultFirst: 100,
      path: ['segments'],
    });
    const { request, view: part } = page;
    if (request.after !== null && typeof request.after.value !== 'number') {
      throw wrongCursor(['segments', 'after']);
    }
    const views = usageViews(context);
    const range = views.hostedRange(part);
    const [segments, asOf] = await Promise.all([views.segments({ ...of, part }), views.asOf(part)]);
    const nodes = segments.map((segment) => segmentNode(segment, range));
    const parts = pageOfList(nodes, request, {
      // A resource has at most one segment at an instant.
      keyOf: (node) => ({ value: node.hostingFrom, id: node.address.resourceId }),
      compare: (a, b) => Number(a.value) - Number(b.value) || a.id - b.id,
    });
    return new Connection({ ...parts, mark: page.markAt(asOf) });
  }
}

@Resolver(() => HostingSegmentType)
export class HostingSegmentResolver {
  @Cost(1)
  @FieldResolver(() => HostedResourceType)
  async resource(
    @Root() { address }: HostingSegmentType,
    @Ctx() context: RequestContext,
  ): Promise<BillableResourceType> {
    return present(await resourceLoader(context).load(address), 'a segment has its resource');
  }

  @Cost(1)
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'Together with `eventId`, identifies a period that was recorded by recordHosting; otherwise null.',
  })
  async source(
    @Root() segment: HostingSegmentType,
    @Ctx() context: RequestContext,
  ): Promise<string | null> {
    return (await periodOf(segment, context))?.source ?? null;
  }

  @Cost(1)
  @FieldResolver(() => String, { nullable: true })
  async eventId(
    @Root() segment: HostingSegmentType,
    @Ctx() context: RequestContext,
  ): Promise<string | null> {
    return (await periodOf(segment, context))?.eventId ?? null;
  }
}

/** The period that a segment was recorded with; null for a segment of lifecycle calls. */
async function periodOf(
  { address: { accountId }, eventSeq }: HostingSegmentType,
  context: RequestContext,
): Promise<RecordedEvent | null> {
  return eventSeq === null ? null : eventLoader(context).load({ accountId, seq: eventSeq });
}

/** A segment as the API shows it: the part within a range. */
export function segmentNode(
  segment: HostingSegment,
  range: { readonly fromMs: number; readonly toMs: number },
): HostingSegmentType {
  const whole = { fromMs: segment.fromMs, toMs: segment.toMs ?? range.toMs };
  const part = intersect(whole, range) ?? whole;
  const timeMs = part.toMs - part.fromMs;
  return {
    hostingFrom: segment.fromMs,
    from: part.fromMs,
    to: part.toMs,
    running: segment.toMs === null,
    replicas: segment.replicas,
    creditsPerHour: segment.rateMicroPerHour,
    time: timeMs,
    replicaTime: timeMs * segment.replicas,
    credits: chargeWithin(segment, part),
    segmentId: segment.segmentId,
    address: { accountId: segment.accountId, resourceId: segment.resourceId },
    eventSeq: segment.eventSeq,
  };
}

async function askedView(
  context: RequestContext,
  accountId: number,
  args: UsageArgs,
): Promise<View> {
  const account = await accountLoader(context).load(accountId);
  return viewOf(account, context.nowMs, (nowMs) =>
    resolveRangeAt(args.range ?? LAST_30_DAYS, account, nowMs),
  );
}
