import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { DateRangeInput } from '../account/range.graphql.ts';
import { resolveRange } from '../account/range.ts';
import { conditionOf } from '../core/check.ts';
import { invariant } from '../core/errors.ts';
import { decodeId, encodeId, unknownId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType, type Connection } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { pageOfWindow, parseWindow, WindowArgs, withOneMore } from '../graphql/window.ts';
import { type LedgerEntryKind, ledgerEntryKinds } from '../engine/ledger.ts';
import { BillingCycleType, findCycle } from './cycles.graphql.ts';
import { type LedgerEntry, readEntries, readEntryCount } from './ledger.loaders.ts';

registerEnumType(ledgerEntryKinds, {
  name: 'LedgerEntryKind',
  valuesConfig: {
    ALLOCATION: { description: 'An allocation took effect.' },
    USAGE: { description: 'Recorded usage, or hosting.' },
    EXPIRY: { description: 'What was left of an allocation when it expired.' },
    VOID: { description: 'What was left of an allocation when it was voided.' },
    CARRY_OVER: { description: 'The end of a billing cycle; its amount is 0.' },
    ADJUSTMENT: { description: 'By adjustCredits, up or down.' },
    REVERSAL: {
      description: 'Usage that was voided, or hosting that had ended earlier than was charged.',
    },
  },
});

@ObjectType('LedgerEntry', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    "One append-only line of the account's credit journal: `balance` is the sum of all amounts up to it. Running hosting is posted when a segment ends and when lots change; until then it is accrued, in `credits.remaining` but not here.",
})
export class LedgerEntryType extends NodeType {
  @Field(() => SafeIntScalar, { description: '1, 2, 3 … within the account, without gaps.' })
  readonly sequence!: number;
  @Field(() => ledgerEntryKinds, {
    description: 'CARRY_OVER has amount 0 and marks the end of a cycle.',
  })
  readonly kind!: LedgerEntryKind;
  @Field(() => CreditsScalar, {
    description: 'Signed: what is added is positive, what is taken is negative.',
  })
  readonly amount!: bigint;
  @Field(() => CreditsScalar, { description: 'The sum of all amounts up to this one.' })
  readonly balance!: bigint;
  @Field(() => DateTimeScalar, {
    description:
      "Where it counts in balances and cycles: the account's now for what was written, its own instant for what came about by time (hosting, expiry, grant, cycle end, stop).",
  })
  readonly bookedAt!: number;
  @Field(() => DateTimeScalar, { description: 'When it was written, by the real time.' })
  readonly recordedAt!: number;
  @Field(() => String, { description: 'A few words, or the reason of an adjustment.' })
  readonly description!: string;
  /** What other domains' fields start from. */
  readonly entry!: LedgerEntry;
}

/** An entry as the API shows it. */
export function ledgerEntryNode(entry: LedgerEntry): LedgerEntryType {
  return {
    id: encodeId('LedgerEntry', entry.accountId, entry.sequence),
    sequence: entry.sequence,
    kind: entry.kind,
    amount: entry.amountMicro,
    balance: entry.balanceMicro,
    bookedAt: entry.bookedAtMs,
    recordedAt: entry.recordedAtMs,
    description: entry.description,
    entry,
  };
}

const LedgerEntryConnection = connectionType('LedgerEntry', () => LedgerEntryType);

const ENTRIES_PER_PAGE = 50;

@ArgsType()
class LedgerArgs extends WindowArgs {
  @Field(() => DateRangeInput, { nullable: true }) readonly range?: DateRangeInput | null;
  @Field(() => ID, { nullable: true }) readonly cycleId?: string | null;
  @Field(() => [ledgerEntryKinds], { nullable: true })
  readonly kinds?: readonly LedgerEntryKind[] | null;
}

@Resolver(() => AccountType)
export class AccountLedgerResolver {
  @FieldResolver(() => LedgerEntryConnection, {
    description:
      'By sequence, ascending. With neither first nor last: the first 50. The range is of `bookedAt`. By cycleId: the entries of one billing cycle, what was booked at its end included; its carriedOver and their amounts add up to its closing (of the running cycle, less what running deployments have accrued). All conditions hold together; an empty list of kinds is none.',
  })
  async ledger(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => LedgerArgs) args: LedgerArgs,
  ): Promise<Connection<LedgerEntryType>> {
    const { accountId } = account;
    const window = parseWindow(args, { from: 'FIRST', limit: ENTRIES_PER_PAGE });
    const { range = null, cycleId = null } = args;
    const list = {
      accountId,
      range: range === null ? null : resolveRange(range, account, context.nowMs),
      cycleId: cycleId === null ? null : await cycleOf(context, accountId, cycleId),
      kinds: conditionOf(args.kinds),
    };
    const entries = await readEntries(context, list, withOneMore(window));
    return pageOfWindow(entries.map(ledgerEntryNode), window, {
      keyOf: ({ entry }) => ({ value: null, id: entry.sequence }),
      countAll: () => readEntryCount(context, list),
    });
  }
}

/** The number of an account's cycle. @throws NOT_FOUND for one that is none of this account's */
async function cycleOf(context: RequestContext, accountId: number, id: string): Promise<number> {
  const ref = decodeId(id);
  const isOurs = ref?.type === 'BillingCycle' && ref.accountId === accountId;
  const cycle = isOurs ? await findCycle(context, { accountId, cycleId: ref.localId }) : null;
  if (cycle === null) throw unknownId(id, ['cycleId']);
  return cycle.cycleId;
}

@Resolver(() => LedgerEntryType)
export class LedgerEntryCycleResolver {
  @FieldResolver(() => BillingCycleType, {
    description:
      "The billing cycle that it counts in. What is booked at a cycle's end, up to its CARRY_OVER, counts in the cycle that ends.",
  })
  async cycle(
    @Root() { entry }: LedgerEntryType,
    @Ctx() context: RequestContext,
  ): Promise<BillingCycleType> {
    const cycle = await findCycle(context, entry);
    invariant(cycle !== null, 'an entry counts in a cycle', { sequence: entry.sequence });
    return cycle;
  }
}
