// The charges of a ledger entry, down to events and segments: views add them to the entry's type.

import { Args, Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from 'type-graphql';
import { nowOf } from '../account/account.ts';
import { accountLoader } from '../account/account.loaders.ts';
import { LedgerEntryType } from '../credits/ledger.graphql.ts';
import type { HostingSegment } from '../hosting/charge.ts';
import type { RequestContext } from '../graphql/context.ts';
import { connectionType, type Connection, Page50, pageOfRows, parsePage } from '../graphql/page.ts';
import { CreditsScalar } from '../graphql/scalars.ts';
import { modelLoader, resourceLoader } from '../resources/resources.loaders.ts';
import { BillableResourceType, ModelObject } from '../resources/resources.types.ts';
import {
  chargeCountLoader,
  chargesLoader,
  type LedgerCharge,
} from '../recording/charges.loaders.ts';
import { segmentLoader } from '../hosting/hosting.loaders.ts';
import { UsageEventObject, usageEventNode } from '../recording/ingest.graphql.ts';
import { eventLoader } from '../recording/events.loaders.ts';
import type { RecordedEvent } from '../recording/event.ts';
import { segmentNode } from './panels.graphql.ts';
import { HostingSegmentType } from './usage.types.ts';
import { Cost } from '../graphql/field-extensions.ts';

@ObjectType('LedgerCharge', {
  simpleResolvers: true,
  description:
    "One item that an entry charged: an event or a period of hosting. Its sign is that of the entry's amount.",
})
export class LedgerChargeType {
  @Field(() => CreditsScalar) readonly credits!: bigint;
  readonly charge!: LedgerCharge;
}

const LedgerChargeConnection = connectionType('LedgerCharge', () => LedgerChargeType);

@Resolver(() => LedgerEntryType)
export class LedgerChargesResolver {
  @Cost(10)
  @FieldResolver(() => LedgerChargeConnection, {
    description: 'The charged items, which add up to the amount.',
  })
  async charges(
    @Root() { entry }: LedgerEntryType,
    @Ctx() context: RequestContext,
    @Args(() => Page50) args: Page50,
  ): Promise<Connection<LedgerChargeType>> {
    const page = parsePage(args, 50, {
      path: ['charges'],
      isKey: ({ value }) => value === 0 || value === 1,
    });
    const { after } = page;
    const { creditsFromMs } = await accountLoader(context).load(entry.accountId);
    const charged = { ...entry, creditsFromMs };
    const charges = await chargesLoader(context).load({
      entry: charged,
      after: after === null ? null : { isSegment: after.value === 1, id: after.id },
      limit: page.first + 1,
    });
    const nodes = charges.map((charge) => ({ credits: charge.amountMicro, charge }));
    return pageOfRows(nodes, page, {
      keyOf: ({ charge: { position } }) => ({
        value: position.isSegment ? 1 : 0,
        id: position.id,
      }),
      countAll: () => chargeCountLoader(context).load(charged),
    });
  }
}

@Resolver(() => LedgerChargeType)
export class LedgerChargeResolver {
  @Cost(1)
  @FieldResolver(() => BillableResourceType, { nullable: true })
  async resource(
    @Root() { charge }: LedgerChargeType,
    @Ctx() context: RequestContext,
  ): Promise<BillableResourceType | null> {
    const { accountId } = charge;
    const segment = await segmentOf(context, charge);
    const event = segment === null ? await eventOf(context, charge) : null;
    const resourceId = segment?.resourceId ?? (event?.kind === 'MODEL' ? null : event?.subjectId);
    if (resourceId == null) return null;
    return resourceLoader(context).load({ accountId, resourceId });
  }

  @Cost(1)
  @FieldResolver(() => ModelObject, { nullable: true })
  async model(
    @Root() { charge }: LedgerChargeType,
    @Ctx() context: RequestContext,
  ): Promise<ModelObject | null> {
    const event = await eventOf(context, charge);
    if (event?.kind !== 'MODEL') return null;
    return modelLoader(context).load({ accountId: event.accountId, modelId: event.subjectId });
  }

  @Cost(1)
  @FieldResolver(() => UsageEventObject, {
    nullable: true,
    description: 'Null for hosting, which is described by `segment`.',
  })
  async event(
    @Root() { charge }: LedgerChargeType,
    @Ctx() context: RequestContext,
  ): Promise<UsageEventObject | null> {
    const event = charge.segmentId === null ? await eventOf(context, charge) : null;
    return event === null ? null : usageEventNode(event);
  }

  @Cost(1)
  @FieldResolver(() => HostingSegmentType, {
    nullable: true,
    description:
      'The whole segment, up to now if it runs. The entry may have charged only a part of it.',
  })
  async segment(
    @Root() { charge }: LedgerChargeType,
    @Ctx() context: RequestContext,
  ): Promise<HostingSegmentType | null> {
    const segment = await segmentOf(context, charge);
    if (segment === null) return null;
    const account = await accountLoader(context).load(charge.accountId);
    const nowMs = nowOf(account, context.nowMs);
    return segmentNode(segment, { fromMs: segment.fromMs, toMs: segment.toMs ?? nowMs });
  }
}

async function eventOf(
  context: RequestContext,
  { accountId, seq }: LedgerCharge,
): Promise<RecordedEvent | null> {
  return seq === null ? null : eventLoader(context).load({ accountId, seq });
}

async function segmentOf(
  context: RequestContext,
  { accountId, segmentId }: LedgerCharge,
): Promise<HostingSegment | null> {
  return segmentId === null ? null : segmentLoader(context).load({ accountId, segmentId });
}
