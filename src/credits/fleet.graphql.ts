import {
  Args,
  ArgsType,
  Ctx,
  Field,
  InputType,
  Int,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { accountLoader, accountNode, AccountType } from '../account/account.graphql.ts';
import type { AccountService } from '../account/account.service.ts';
import { conditionOf, parseWithin } from '../core/check.ts';
import {
  type CursorKey,
  orderDirections,
  type OrderDirection,
  ROWS_PER_PAGE_MAX,
} from '../core/cursor.ts';
import { UserInputError } from '../core/errors.ts';
import { INT_MAX, percentOf } from '../core/micro.ts';
import { foldText, parseStorable } from '../core/text.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';
import type { RequestContext } from '../graphql/context.ts';
import {
  Connection,
  type ConnectionParts,
  connectionType,
  Page25,
  parseCursor,
  wrongCursor,
} from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import { balanceNode, CreditBalanceType, stateLoader } from './balance.graphql.ts';
import { balanceAt } from './balance.service.ts';
import {
  type AccountOrderField,
  accountOrderFields,
  type FleetPosition,
  type FleetQuestion,
  type FleetTotals,
  type StateTotals,
} from './fleet.ts';
import type { FleetPage, FleetService } from './fleet.service.ts';

registerEnumType(accountOrderFields, {
  name: 'AccountOrderField',
  valuesConfig: {
    NAME: { description: 'Letter case does not count.' },
    STOPS_AT: { description: '`stopsAt`; accounts that will not be stopped stand last.' },
    REMAINING: { description: '`remaining`' },
    BURN_RATE: { description: '`burnRatePerHour`' },
  },
});

@InputType('AccountOrder', { description: 'Ties by id.' })
class AccountOrder {
  @Field(() => accountOrderFields) readonly field!: AccountOrderField;
  @Field(() => orderDirections, { nullable: true, defaultValue: 'ASC' })
  readonly direction?: OrderDirection | null;
}

@InputType('AccountFilter', {
  description: 'All given conditions hold. An empty list is no condition.',
})
class AccountFilter {
  @Field(() => String, {
    nullable: true,
    description: 'As the argument `search`; give one of them.',
  })
  readonly search?: string | null;
  @Field(() => [creditStates], { nullable: true })
  readonly states?: readonly CreditState[] | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Accounts whose `stopsAt` is before it; of a test account in its own time.',
  })
  readonly stopsBefore?: number | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'True: test accounts only; false: none of them.',
  })
  readonly test?: boolean | null;
}

@ArgsType()
class AccountsArgs extends Page25 {
  @Field(() => Int, {
    nullable: true,
    description: 'The last so many, in place of the first.',
  })
  readonly last?: number | null;
  @Field(() => String, { nullable: true }) readonly before?: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'Part of the name or the externalId; letter case does not count: "strasse" finds "Straße".',
  })
  readonly search?: string | null;
  @Field(() => AccountFilter, { nullable: true }) readonly filter?: AccountFilter | null;
  @Field(() => AccountOrder, { nullable: true, description: 'Default: by id.' })
  readonly orderBy?: AccountOrder | null;
}

@ObjectType({ simpleResolvers: true })
abstract class Sums {
  @Field(() => Int) readonly accounts!: number;
  @Field(() => CreditsScalar, { description: 'Sum of `remaining`; debts are taken off.' })
  readonly remaining!: bigint;
  @Field(() => CreditsScalar, { description: 'Sum of `burnRatePerHour`.' })
  readonly burnRatePerHour!: bigint;
}

@ObjectType('FleetStateTotals', { simpleResolvers: true })
class FleetStateTotalsType extends Sums {
  @Field(() => creditStates) readonly state!: CreditState;
}

@ObjectType('FleetTotals', {
  simpleResolvers: true,
  description: 'What all accounts of a list add up to, whatever page is shown.',
})
class FleetTotalsType extends Sums {
  @Field(() => CreditsScalar, { description: 'What accounts in debt owe together, above zero.' })
  readonly owed!: bigint;
  @Field(() => Int, { description: 'Accounts whose `burnRatePerHour` is above zero.' })
  readonly burning!: number;
  @Field(() => [FleetStateTotalsType], { description: 'One for each state, from well to worst.' })
  readonly byState!: readonly FleetStateTotalsType[];
}

@ObjectType()
abstract class OfFleet {
  @Field(() => DateTimeScalar, {
    description:
      'The instant that positions and totals are of: that of the first page, on the pages after it too.',
  })
  readonly asOf!: number;
  // Not simple: worked out when it is asked for.
  @Field(() => FleetTotalsType, { simple: false }) readonly totals!: FleetTotalsType;
}

@ObjectType()
abstract class WithPosition {
  @Field(() => CreditBalanceType, {
    simple: false,
    description:
      'The credits of the account as of the instant of the list; what it is ordered and filtered by. `node.credits` is as of now.',
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
    const { positionOf } = this.fleet;
    return super.edges.map((edge) => ({
      ...edge,
      get position(): Promise<CreditBalanceType> {
        return positionOf(edge.node);
      },
    }));
  }
}

/** A checked question, and which of its rows are asked for. */
interface AccountsRequest {
  readonly question: FleetQuestion;
  /** Whether positions have a say in it. */
  readonly isOfPositions: boolean;
  readonly after: CursorKey | null;
  readonly before: CursorKey | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
}

@Resolver()
export class FleetResolver {
  constructor(
    private readonly accountService: AccountService,
    private readonly fleets: FleetService,
  ) {}

  @Query(() => AccountConnection, {
    nullable: true,
    description:
      'Operators only. With a filter of states or stopsBefore, or an order, the list is of one instant: its pages show each account once, whatever happens meanwhile. It is kept for 15 minutes, and holds 50,000 accounts at most.',
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
    // The row too many only tells that there are more; it stands at the far end.
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

/** Where a cursor stands in a list that was kept. @throws BAD_USER_INPUT when it is of none */
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

function parseRequest(args: AccountsArgs): AccountsRequest {
  const question = parseQuestion(args);
  const { states, stopsBeforeMs, isTest, field } = question;
  const cursorOf = (name: 'after' | 'before'): CursorKey | null => {
    const cursor = args[name];
    return cursor == null ? null : parseCursor(cursor, [name]);
  };
  const isFromEnd = args.last != null;
  const limits = { min: 0, max: ROWS_PER_PAGE_MAX };
  return {
    question,
    isOfPositions: [states, stopsBeforeMs, isTest, field].some((condition) => condition !== null),
    after: cursorOf('after'),
    before: cursorOf('before'),
    limit: parseWithin(args.last ?? args.first ?? 25, limits, [isFromEnd ? 'last' : 'first']),
    isFromEnd,
  };
}

function parseQuestion(args: AccountsArgs): FleetQuestion {
  const { states, stopsBefore = null, test = null } = args.filter ?? {};
  const { field = null, direction } = args.orderBy ?? {};
  const wanted = conditionOf(states);
  return {
    search: parseSearch(args),
    states: wanted === null ? null : [...new Set(wanted)].sort(),
    stopsBeforeMs: stopsBefore,
    isTest: test,
    field,
    direction: direction ?? 'ASC',
  };
}

function parseSearch({ search, filter }: AccountsArgs): string | null {
  const inFilter = filter?.search ?? null;
  if (inFilter !== null && search != null) {
    throw new UserInputError('search is given twice: as an argument and in the filter.', {
      path: ['filter', 'search'],
    });
  }
  const text = inFilter ?? search ?? '';
  parseStorable(text, inFilter === null ? ['search'] : ['filter', 'search']);
  return text === '' ? null : foldText(text);
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

function totalsNode(totals: FleetTotals): FleetTotalsType {
  const { owedMicro, burning, byState } = totals;
  return {
    ...sumsNode(totals),
    owed: owedMicro,
    burning,
    byState: Object.values(creditStates).map((state) => ({ state, ...sumsNode(byState[state]) })),
  };
}

function sumsNode({ accounts, remainingMicro, burnMicroPerHour }: StateTotals): {
  readonly accounts: number;
  readonly remaining: bigint;
  readonly burnRatePerHour: bigint;
} {
  return { accounts, remaining: remainingMicro, burnRatePerHour: burnMicroPerHour };
}
