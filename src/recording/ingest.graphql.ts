import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { ledgerEntryNode, LedgerEntryType } from '../credits/ledger.graphql.ts';
import { readEntry } from '../credits/ledger.service.ts';
import { encodeId, unknownId, type NodeType as NodeTypeName } from '../core/identity.ts';
import type { CursorKey } from '../core/cursor.ts';
import { INSTANT_MAX_MS, INSTANT_MIN_MS } from '../core/instant.ts';
import { parseOptionalText } from '../core/text.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType, Page50, pageOfRows, parsePage, type Connection } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { modelLoader, resourceLoader } from '../resources/resources.loaders.ts';
import { resourceKinds, typeOfKind, type ResourceKind } from '../resources/resource.ts';
import {
  BillableResourceType,
  ModelObject,
  type BillableResourceNode,
} from '../resources/resources.types.ts';
import { usageEventTypes, type UsageEventType } from '../rollups/kinds.ts';
import { outcomes } from './admission.ts';
import type { EventFilter, RecordedEvent } from './event.ts';
import type { EventsService } from './events.service.ts';
import type { EventResult, IngestService, RecordResult } from './ingest.service.ts';
import { resolveRange } from '../account/range.ts';
import { DateRangeInput } from '../account/range.graphql.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(usageEventTypes, {
  name: 'UsageEventType',
  valuesConfig: {
    WORKFLOW_RUN: { description: 'Workflow runs; `quantity` is their number.' },
    FINE_TUNING: {
      description: 'A fine-tuning job of a model; the platform computes the credits.',
    },
    STORAGE: { description: 'Storage of a model, charged in credits.' },
    PROCESSING: {
      description: 'Other usage that is charged in credits, such as pages, tokens or calls.',
    },
  },
});
registerEnumType(outcomes, { name: 'UsageEventOutcome' });

@InputType('UsageEventInput', {
  description:
    'Name the resource by its id, or by its kind and externalId. WORKFLOW_RUN needs a workflow, PROCESSING a hosted resource, FINE_TUNING and STORAGE a model (modelId or modelExternalId); otherwise the event is REJECTED.',
})
class UsageEventInput {
  @Field(() => String, {
    description:
      'The sender, such as "workflow-engine". Source and eventId identify the event within the account, for ever.',
  })
  readonly source!: string;
  @Field(() => String) readonly eventId!: string;
  @Field(() => usageEventTypes) readonly type!: UsageEventType;
  @Field(() => DateTimeScalar) readonly occurredAt!: number;
  @Field(() => ID, { nullable: true }) readonly resourceId?: string | null;
  @Field(() => resourceKinds, { nullable: true }) readonly resourceKind?: ResourceKind | null;
  @Field(() => String, { nullable: true }) readonly resourceExternalId?: string | null;
  @Field(() => ID, { nullable: true }) readonly modelId?: string | null;
  @Field(() => String, { nullable: true }) readonly modelExternalId?: string | null;
  @Field(() => SafeIntScalar, {
    nullable: true,
    defaultValue: 1,
    description: 'Whole units, zero or more: runs, pages, tokens. Default 1.',
  })
  readonly quantity?: number | null;
  @Field(() => String, {
    nullable: true,
    description:
      'What the quantity counts, such as "pages", "tokens" or "calls": at most 32 characters, kept to the letter. It is part of the content of the event.',
  })
  readonly unit?: string | null;
  @Field(() => CreditsScalar, {
    nullable: true,
    description:
      'The charge, zero or more. Required for every type except WORKFLOW_RUN, which has none.',
  })
  readonly credits?: string | null;
}

@InputType('HostingPeriodInput', {
  description:
    'A closed period [from, to). It is identified like a usage event, and charged at the rates in force within it.',
})
class HostingPeriodInput {
  @Field(() => String) readonly source!: string;
  @Field(() => String) readonly eventId!: string;
  @Field(() => ID, { nullable: true }) readonly resourceId?: string | null;
  @Field(() => resourceKinds, { nullable: true }) readonly resourceKind?: ResourceKind | null;
  @Field(() => String, { nullable: true }) readonly resourceExternalId?: string | null;
  @Field(() => String) readonly hardware!: string;
  @Field(() => Int, { nullable: true, defaultValue: 1 }) readonly replicas?: number | null;
  @Field(() => DateTimeScalar) readonly from!: number;
  @Field(() => DateTimeScalar) readonly to!: number;
}

@ObjectType('UsageEventResult', { simpleResolvers: true })
class UsageEventResultType implements EventResult {
  @Field(() => Int) readonly index!: number;
  @Field(() => outcomes) readonly outcome!: EventResult['outcome'];
  @Field(() => String, { nullable: true }) readonly code!: string;
  @Field(() => String, { nullable: true }) readonly message!: string;
}

@ObjectType('RecordUsagePayload', {
  simpleResolvers: true,
  description: '`results` lists only the events that were not accepted.',
})
class RecordUsagePayload implements RecordResult {
  @Field(() => Int) readonly accepted!: number;
  @Field(() => Int) readonly duplicates!: number;
  @Field(() => Int) readonly conflicts!: number;
  @Field(() => Int) readonly rejected!: number;
  @Field(() => [UsageEventResultType]) readonly results!: readonly EventResult[];
}

@ObjectType('VoidUsagePayload', {
  simpleResolvers: true,
  description:
    '`voided` is false when it had been voided before. `reversal` is the entry of the first void; null when nothing had been charged to the balance. An unknown event is NOT_FOUND.',
})
class VoidUsagePayload {
  @Field(() => Boolean) readonly voided!: boolean;
  @Cost(1)
  @Needs('READ_USAGE')
  @Field(() => LedgerEntryType, { nullable: true })
  readonly reversal!: LedgerEntryType | null;
}

@ObjectType('UsageEvent', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'One recorded usage event.',
})
export class UsageEventObject extends NodeType {
  @Field(() => String) readonly source!: string;
  @Field(() => String) readonly eventId!: string;
  @Field(() => usageEventTypes) readonly type!: string;
  @Field(() => SafeIntScalar) readonly quantity!: number;
  @Field(() => String, {
    nullable: true,
    description: 'What the quantity counts; null when the event was recorded without a unit.',
  })
  readonly unit!: string | null;
  @Field(() => CreditsScalar) readonly credits!: bigint;
  @Field(() => DateTimeScalar) readonly occurredAt!: number;
  @Field(() => DateTimeScalar) readonly recordedAt!: number;
  @Field(() => DateTimeScalar, { nullable: true }) readonly voidedAt!: number | null;
  readonly event!: RecordedEvent;
}

/** A recorded usage event as the API shows it. */
export function usageEventNode(event: RecordedEvent): UsageEventObject {
  return {
    id: encodeId('UsageEvent', event.accountId, event.seq),
    source: event.source,
    eventId: event.eventId,
    type: event.type,
    quantity: event.quantity,
    unit: event.unit,
    credits: event.creditsMicro,
    occurredAt: event.occurredAtMs,
    recordedAt: event.recordedAtMs,
    voidedAt: event.voidedAtMs,
    event,
  };
}

const UsageEventConnection = connectionType('UsageEvent', () => UsageEventObject);

@ArgsType()
class UsageEventsArgs extends Page50 {
  @Field(() => DateRangeInput, { nullable: true }) readonly range?: DateRangeInput | null;
  @Field(() => ID, { nullable: true }) readonly resourceId?: string | null;
  @Field(() => ID, { nullable: true }) readonly modelId?: string | null;
  @Field(() => String, { nullable: true }) readonly source?: string | null;
  @Field(() => String, { nullable: true }) readonly eventId?: string | null;
}

@ArgsType()
class VoidUsageArgs {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String) readonly source!: string;
  @Field(() => String) readonly eventId!: string;
  @Field(() => String) readonly reason!: string;
}

/** The arguments of recordUsage, as they are sent. */
export interface RecordUsageArgs {
  readonly events: readonly UsageEventInput[];
  readonly accountId?: string | null;
}

/** The arguments of recordHosting, as they are sent. */
export interface RecordHostingArgs {
  readonly periods: readonly HostingPeriodInput[];
  readonly accountId?: string | null;
}

@Resolver()
export class IngestResolver {
  constructor(
    private readonly ingest: IngestService,
    private readonly events: EventsService,
  ) {}

  @Cost(20)
  @Mutation(() => RecordUsagePayload, {
    description:
      'Records up to 5,000 events. Each event is accepted or rejected on its own; the accepted ones are committed together. Sending a batch again is safe. A value that its type refuses, such as a seventh fraction digit, fails the whole call and is named by its path (`events.17.credits`); POST /v1/events rejects only that event.',
  })
  async recordUsage(
    @Ctx() context: RequestContext,
    @Arg('events', () => [UsageEventInput]) events: readonly UsageEventInput[],
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<RecordResult> {
    return this.ingest.record(
      context.actor,
      { accountId, path: ['events'] },
      events.map((event) => ({ as: 'event', fields: event })),
    );
  }

  @Cost(20)
  @Mutation(() => RecordUsagePayload, {
    description:
      'Records up to 5,000 closed periods of past hosting, for imports and late reports. The guarantees are those of recordUsage, and both share one space of identities. A period that overlaps other hosting of the resource is REJECTED with OVERLAP; within a batch the first one wins. `from` must be within the ingest window, `to` not in the future.',
  })
  async recordHosting(
    @Ctx() context: RequestContext,
    @Arg('periods', () => [HostingPeriodInput]) periods: readonly HostingPeriodInput[],
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<RecordResult> {
    return this.ingest.record(
      context.actor,
      { accountId, path: ['periods'] },
      periods.map((period) => ({ as: 'period', fields: period })),
    );
  }

  @Cost(20)
  @Mutation(() => VoidUsagePayload, {
    description:
      'Reverses an event or a hosting period by a compensating entry. The original remains, and its identity cannot be used again. ARCHIVED where the event is archived.',
  })
  async voidUsage(
    @Ctx() context: RequestContext,
    @Args(() => VoidUsageArgs) args: VoidUsageArgs,
  ): Promise<VoidUsagePayload> {
    const { voided, reversal } = await this.events.voidUsage(context.actor, args);
    const entry = reversal === null ? null : await readEntry(await context.reader(), reversal);
    return { voided, reversal: entry === null ? null : ledgerEntryNode(entry) };
  }
}

@Resolver(() => AccountType)
export class AccountEventsResolver {
  constructor(private readonly events: EventsService) {}

  @Cost(20)
  @Needs('READ_USAGE')
  @FieldResolver(() => UsageEventConnection, {
    description:
      'The recorded events behind every figure, newest `occurredAt` first. Use them to explain a figure, or to find what to void. If the next events are archived, `hasNextPage` is true and asking for that page fails with ARCHIVED.',
  })
  async usageEvents(
    @Root() node: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => UsageEventsArgs) args: UsageEventsArgs,
  ): Promise<Connection<UsageEventObject>> {
    const page = parsePage(args, 50, { isKey: isEventKey });
    const { after } = page;
    const filter = this.filterOf(node, context, args);
    await requireFound(context, filter, node.account.accountId, args);
    const { accountId } = node.account;
    const tx = await context.reader();
    const { events, areMoreArchived } = await this.events.list(context.actor, tx, accountId, {
      filter,
      page: {
        after: after && { occurredAtMs: Number(after.value), seq: after.id },
        limit: page.first + 1,
      },
    });
    return pageOfRows(events.map(usageEventNode), page, {
      keyOf: ({ event }) => ({ value: event.occurredAtMs, id: event.seq }),
      countAll: () => this.events.count(tx, accountId, filter),
      goesOn: areMoreArchived,
    });
  }

  private filterOf(
    { account }: AccountType,
    context: RequestContext,
    args: UsageEventsArgs,
  ): EventFilter {
    const { range, resourceId = null, modelId = null, source = null, eventId = null } = args;
    const idWithin = (
      id: string | null,
      field: string,
      types: readonly NodeTypeName[],
    ): number | null =>
      id === null
        ? null
        : this.events.requireWithin(context.actor, account, { id, types, path: [field] }).localId;
    return {
      range: range == null ? null : resolveRange(range, account, context.nowMs),
      resourceId: idWithin(resourceId, 'resourceId', Object.values(typeOfKind)),
      modelId: idWithin(modelId, 'modelId', ['Model']),
      source: parseOptionalText(source, ['source']),
      eventId: parseOptionalText(eventId, ['eventId']),
    };
  }
}

@Resolver(() => UsageEventObject)
export class UsageEventResolver {
  @Cost(1)
  @FieldResolver(() => BillableResourceType, { nullable: true })
  async resource(
    @Root() { event }: UsageEventObject,
    @Ctx() context: RequestContext,
  ): Promise<BillableResourceNode | null> {
    if (event.kind === 'MODEL') return null;
    return resourceLoader(context).load({
      accountId: event.accountId,
      resourceId: event.subjectId,
    });
  }

  @Cost(1)
  @FieldResolver(() => ModelObject, { nullable: true })
  async model(
    @Root() { event }: UsageEventObject,
    @Ctx() context: RequestContext,
  ): Promise<ModelObject | null> {
    if (event.kind !== 'MODEL') return null;
    return modelLoader(context).load({ accountId: event.accountId, modelId: event.subjectId });
  }
}

// An id of the right form may not exist, or be of another kind. Then the answer is an error, not an empty list.
async function requireFound(
  context: RequestContext,
  filter: EventFilter,
  accountId: number,
  asked: UsageEventsArgs,
): Promise<void> {
  const { resourceId, modelId } = filter;
  const resource =
    resourceId === null ? null : await resourceLoader(context).load({ accountId, resourceId });
  if (resourceId !== null && resource?.id !== asked.resourceId) {
    throw unknownId(asked.resourceId ?? '', ['resourceId']);
  }
  const model = modelId === null ? null : await modelLoader(context).load({ accountId, modelId });
  if (modelId !== null && model === null) throw unknownId(asked.modelId ?? '', ['modelId']);
}

function isEventKey({ value }: CursorKey): boolean {
  return typeof value === 'number' && value >= INSTANT_MIN_MS && value <= INSTANT_MAX_MS;
}
