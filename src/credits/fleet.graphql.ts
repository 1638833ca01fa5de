import { Args, Ctx, Field, ObjectType, Query, Resolver } from 'type-graphql';
import { accountLoader } from '../account/account.loaders.ts';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import type { AccountService } from '../account/account.service.ts';
import type { CursorKey } from '../core/cursor.ts';
import { UserInputError } from '../core/errors.ts';
import { INT_MAX, percentOf } from '../core/micro.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Connection, type ConnectionParts, connectionType, wrongCursor } from '../graphql/page.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import { balanceNode, CreditBalanceType } from './balance.graphql.ts';
import { stateLoader } from './balance.loaders.ts';
import { balanceAt } from './balance.service.ts';
import { AccountsArgs, type AccountsRequest, parseRequest } from './fleet-args.graphql.ts';
import { FleetTotalsType, totalsNode } from './fleet-totals.graphql.ts';
import type { FleetPosition, FleetTotals } from './fleet.ts';
import type { FleetPage, FleetService } from './fleet.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

@ObjectType()
abstract class OfFleet {
  @Cost(0)
  @Field(() => DateTimeScalar, {
    description:
      'The instant that positions and totals refer to. All pages of a list refer to the instant of its first page.',
  })
  readonly asOf!: number;
  // Not simple: it is computed on demand.
  @Cost(1)
  @Field(() => FleetTotalsType, { simple: false })
  readonly totals!: FleetTotalsType;
}

@ObjectType()
abstract class WithPosition {
  @Cost(1)
  @Field(() => CreditBalanceType, {
    simple: false,
    description:
      "The account's credits at the instant of the list (`asOf`), by which the list is ordered and filtered. `node.credits` are those of now.",
  })
  readonly position!: CreditBalanceType;
}

const AccountConnection = connectionType('Account', () => AccountType, {
  base: OfFleet,
  edgeBase: WithPosition,
});

interface FleetParts extends ConnectionParts<AccountType> {
  readonly asOfMs: number;
  readonly positionOf: (account: AccountType) => Promise<CreditBalanceType>;
  readonly sum: () => Promise<FleetTotals>;
}

class FleetConnection extends Connection<AccountType> {
  constructor(private readonly fleet: FleetParts) {
    super(fleet);
  }

  get asOf(): number {
    return this.fleet.asOfMs;
  }

  get totals(): Promise<FleetTotalsType> {
    return this.fleet.sum().then(totalsNode);
  }

  override get edges(): readonly { readonly cursor: string; readonly node: AccountType }[] {
    return super.edges.map(({ cursor, node }) => new FleetEdge(cursor, node, this.fleet));
  }
}

/** An account of the list, whose position is found when it is asked for. */
class FleetEdge {
  constructor(
    readonly cursor: string,
    readonly node: AccountType,
    private readonly fleet: FleetParts,
  ) {}

  get position(): Promise<CreditBalanceType> {
    return this.fleet.positionOf(this.node);
  }
}

@Resolver()
export class FleetResolver {
  constructor(
    private readonly accountService: AccountService,
    private readonly fleets: FleetService,
  ) {}

  // An order puts all accounts into it, whatever page is asked for.
  @Cost(10, {
    ofArguments: (valueOf) => ((valueOf('orderBy') ?? valueOf('filter')) == null ? 0 : 500),
  })
  @Query(() => AccountConnection, {
    nullable: true,
    description:
      'Operators only. With an order, or a filter by `states` or `stopsBefore`, all pages show the accounts as of one instant, each account once. Such a list is kept for 15 minutes and can hold 50,000 accounts.',
  })
  async accounts(
    @Ctx() context: RequestContext,
    @Args(() => AccountsArgs) args: AccountsArgs,
  ): Promise<Connection<AccountType>> {
    const request = parseRequest(args);
    return request.isOfPositions
      ? this.listByPosition(context, request)
      : this.listById(context, request);
  }

  private async listById(
    context: RequestContext,
    request: AccountsRequest,
  ): Promise<Connection<AccountType>> {
    const { question, limit, isFromEnd } = request;
    const { search } = question;
    const idOf = (cursor: CursorKey | null, name: string): number | null => {
      if (cursor === null) return null;
      if (cursor.value === search && cursor.id >= 0 && cursor.id <= INT_MAX) return cursor.id;
      throw wrongCursor([name]);
    };
    const [afterId, beforeId] = [idOf(request.after, 'after'), idOf(request.before, 'before')];
    const tx = await context.reader();
    const rows = await this.accountService.list(context.actor, tx, {
      afterId,
      beforeId,
      limit: limit + 1,
      isFromEnd,
      search,
    });
    // The additional row at the far end only shows that there are more.
    const hasMore = rows.length > limit;
    const shown = isFromEnd ? rows.slice(hasMore ? 1 : 0) : rows.slice(0, limit);
    return new FleetConnection({
      nodes: shown.map(accountNode),
      keyOf: ({ account }) => ({ value: search, id: account.accountId }),
      hasNextPage: isFromEnd ? beforeId !== null : hasMore || beforeId !== null,
      hasPreviousPage: isFromEnd ? hasMore || afterId !== null : afterId !== null,
      countAll: () => this.accountService.count(tx, search),
      asOfMs: context.nowMs,
      positionOf: async ({ account }) =>
        balanceNode(balanceAt(await stateLoader(context).load(account.accountId))),
      sum: () =>
        this.fleets.totals(context.actor, () => context.reader(), {
          question,
          nowMs: context.nowMs,
        }),
    });
  }

  private async listByPosition(
    context: RequestContext,
    request: AccountsRequest,
  ): Promise<Connection<AccountType>> {
    const page = await this.pageOf(context, request);
    const positions = new Map(page.rows.map(({ accountId, position }) => [accountId, position]));
    const accounts = await Promise.all(
      page.rows.map(({ accountId }) => accountLoader(context).load(accountId)),
    );
    const places = new Map(
      page.rows.map(({ accountId }, index) => [accountId, page.begin + index]),
    );
    return new FleetConnection({
      nodes: accounts.map(accountNode),
      keyOf: ({ account }) => ({
        value: `${VIEW}${page.viewId ?? 0}`,
        id: places.get(account.accountId) ?? 0,
      }),
      hasNextPage: page.begin + page.rows.length < page.count,
      hasPreviousPage: page.begin > 0,
      countAll: () => page.count,
      asOfMs: page.madeAtMs,
      positionOf: ({ account }) => {
        const position = positions.get(account.accountId);
        return position === undefined
          ? Promise.reject(new Error('a row has its position'))
          : Promise.resolve(positionNode(position));
      },
      sum: () => Promise.resolve(page.totals),
    });
  }

  private async pageOf(context: RequestContext, request: AccountsRequest): Promise<FleetPage> {
    const { question, limit, isFromEnd } = request;
    const after = placeOf(request.after, 'after');
    const before = placeOf(request.before, 'before');
    const window = {
      after: after?.place ?? null,
      before: before?.place ?? null,
      limit,
      isFromEnd,
    };
    const { actor, nowMs } = context;
    const kept = after ?? before;
    if (kept === null) {
      return this.fleets.list(actor, () => context.reader(), { question, window, nowMs });
    }
    if (before !== null && before.viewId !== kept.viewId) {
      throw new UserInputError('before is a cursor of another list than after.', {
        path: ['before'],
      });
    }
    return this.fleets.page(actor, await context.reader(), { question, window, nowMs, kept });
  }
}

const VIEW = 'list ';

/** The place of a cursor in a stored list. @throws BAD_USER_INPUT when it is no cursor of one */
function placeOf(
  cursor: CursorKey | null,
  name: string,
): { readonly viewId: number; readonly place: number; readonly path: readonly string[] } | null {
  if (cursor === null) return null;
  const { value, id } = cursor;
  const viewId = typeof value === 'string' ? /^list (\d{1,15})$/.exec(value)?.[1] : undefined;
  if (viewId === undefined || id < 0 || id > INT_MAX - 1) throw wrongCursor([name]);
  return { viewId: Number(viewId), place: id, path: [name] };
}

function positionNode(position: FleetPosition): CreditBalanceType {
  const { allocatedMicro, usedMicro } = position;
  return {
    asOf: position.asOfMs,
    allocated: allocatedMicro,
    used: usedMicro,
    remaining: position.remainingMicro,
    percentUsed: percentOf(usedMicro, allocatedMicro),
    state: position.state,
    burnRatePerHour: position.burnMicroPerHour,
    exhaustsAt: position.exhaustsAtMs,
    stopsAt: position.stopsAtMs,
  };
}
