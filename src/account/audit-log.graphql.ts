import { Args, ArgsType, Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import type { AuditEntry, FieldChange } from '../audit/audit.ts';
import type { CursorKey } from '../core/cursor.ts';
import { encodeId } from '../core/identity.ts';
import { INSTANT_MAX_MS, INSTANT_MIN_MS } from '../core/instant.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost } from '../graphql/field-extensions.ts';
import { NodeType } from '../graphql/node.ts';
import { type Connection, connectionType, Page50, pageOfRows, parsePage } from '../graphql/page.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import type { AuditLogService } from './audit-log.service.ts';
import { DateRangeInput } from './range.graphql.ts';

@ObjectType('AuditChange', {
  simpleResolvers: true,
  description: 'A field that a call changed. Null: it had or has no value.',
})
class AuditChangeType {
  @Field(() => String) readonly field!: string;
  @Field(() => String, { nullable: true }) readonly from!: string | null;
  @Field(() => String, { nullable: true }) readonly to!: string | null;
}

@ObjectType('AuditEntry', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'Who changed what. Every mutation that changes something writes one, except for recording usage and registering resources. It is never changed but by `erasePersonalData`, and deleted only once the retention that the operator set has passed.',
})
export class AuditEntryType extends NodeType {
  @Field(() => DateTimeScalar, { description: 'In real time, also for a test account.' })
  readonly at!: number;
  @Field(() => String, { description: 'The caller: `key:12` is the API key of that number.' })
  readonly actor!: string;
  @Field(() => ID, {
    nullable: true,
    description: 'The id of the API key that called; null for other callers.',
  })
  readonly actorId!: string | null;
  @Field(() => String, { description: 'The name of the mutation.' })
  readonly action!: string;
  @Field(() => ID, { nullable: true, description: 'The id of what was changed.' })
  readonly target!: string | null;
  @Field(() => String, { description: 'What was done, in one sentence.' })
  readonly summary!: string;
  @Field(() => [AuditChangeType], { description: 'What changed. Secrets are left out.' })
  readonly changes!: readonly FieldChange[];
  @Field(() => String, {
    nullable: true,
    description: 'The `x-request-id` of the call; for a socket, of the request that opened it.',
  })
  readonly requestId!: string | null;
  @Field(() => String, {
    nullable: true,
    description: 'The network address of the caller. Accounts do not see those of operators.',
  })
  readonly address!: string | null;
  /** Its place in a list. */
  readonly entryId!: number;
}

/** An entry as the API shows it. */
export function auditEntryNode(entry: AuditEntry): AuditEntryType {
  const { accountId, entryId, actor, isOperator } = entry;
  const keyId = /^key:(\d+)$/.exec(actor)?.[1];
  return {
    id: encodeId('AuditEntry', accountId, entryId),
    at: entry.atMs,
    actor,
    // A key changes only its own account, unless it is an operator's.
    actorId:
      keyId === undefined ? null : encodeId('ApiKey', isOperator ? null : accountId, Number(keyId)),
    action: entry.action,
    target: entry.target,
    summary: entry.summary,
    changes: entry.changes,
    requestId: entry.requestId,
    address: entry.address,
    entryId,
  };
}

function isAuditKey({ value }: CursorKey): boolean {
  return typeof value === 'number' && value >= INSTANT_MIN_MS && value <= INSTANT_MAX_MS;
}

const AuditEntryConnection = connectionType('AuditEntry', () => AuditEntryType);

@ArgsType()
class AuditLogArgs extends Page50 {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String, { nullable: true, description: 'The name of a mutation.' })
  readonly action?: string | null;
  @Field(() => String, { nullable: true, description: 'As in `actor`, or the id of an API key.' })
  readonly actor?: string | null;
  @Field(() => ID, { nullable: true, description: 'The id of what was changed.' })
  readonly target?: string | null;
  @Field(() => DateRangeInput, {
    nullable: true,
    description: 'In real time, also for a test account.',
  })
  readonly range?: DateRangeInput | null;
}

@Resolver()
export class AuditLogResolver {
  constructor(private readonly service: AuditLogService) {}

  @Cost(10)
  @Query(() => AuditEntryConnection, {
    nullable: true,
    description:
      "Who changed what in the account, newest first. An operator who names no account gets all entries, also those of no account: hardware, rates and operators' keys.",
  })
  async auditLog(
    @Ctx() context: RequestContext,
    @Args(() => AuditLogArgs) args: AuditLogArgs,
  ): Promise<Connection<AuditEntryType>> {
    const page = parsePage(args, 50, { isKey: isAuditKey });
    const { accountId = null, action = null, actor = null, target = null, range = null } = args;
    const { entries, countAll } = await this.service.list(context.actor, await context.reader(), {
      request: { accountId, action, actor, target, range },
      page: {
        after:
          page.after === null ? null : { atMs: Number(page.after.value), entryId: page.after.id },
        limit: page.first + 1,
      },
      nowMs: context.nowMs,
    });
    return pageOfRows(entries.map(auditEntryNode), page, {
      keyOf: (node) => ({ value: node.at, id: node.entryId }),
      countAll,
    });
  }
}
