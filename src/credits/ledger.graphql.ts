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
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(ledgerEntryKinds, {
  name: 'LedgerEntryKind',
  valuesConfig: {
    ALLOCATION: { description: 'An allocation took effect.' },
    USAGE: { description: 'Recorded usage, or hosting.' },
    EXPIRY: { description: 'What was left of an allocation when it expired.' },
    VOID: { description: 'What was left of an allocation when it was voided.' },
    CARRY_OVER: { description: 'The end of a billing cycle; its amount is 0.' },
    ADJUSTMENT: { description: 'A correction by adjustCredits, up or down.' },
    REVERSAL: {
      description: 'Usage was voided, or hosting ended earlier than was charged.',
    },
  },
});

@ObjectType('LedgerEntry', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    "One append-only entry of the account's ledger. Running hosting is posted when a segment ends and when the spendable allocations change. Until then it is accrued: `credits.remaining` includes it, the ledger does not.",
})
export class LedgerEntryType extends NodeType {
  @Field(() => SafeIntScalar, {
    description: "Numbers the account's records 1, 2, 3 … without gaps.",
  })
  readonly sequence!: number;
  @Field(() => ledgerEntryKinds, {
    description: 'CARRY_OVER has amount 0 and marks the end of a cycle.',
  })
  readonly kind!: LedgerEntryKind;
  @Field(() => CreditsScalar, {
    description: 'Positive adds to the balance, negative takes from it.',
  })
  readonly amount!: bigint;
  @Field(() => CreditsScalar, {
    description: 'The balance after this entry: the sum of all amounts up to it.',
  })
  readonly balance!: bigint;
  @Field(() => DateTimeScalar, {
    description:
      'The instant at which the entry counts in balances and cycles. For a write: the time of the write. For what happens by time (hosting, expiry, grant, end of a cycle, stop): its exact instant.',
  })
  readonly bookedAt!: number;
  @Field(() => DateTimeScalar, { description: 'When it was written, in real time.' })
  readonly recordedAt!: number;
  @Field(() => String, { description: 'A short description, or the reason of an adjustment.' })
  readonly description!: string;
  @Field(() => String, {
    description:
      'SHA-256 of the hash of the entry before and of this entry with its charges, in hexadecimal digits.',
  })
  readonly hash!: string;
  /** For the fields that other folders add to an entry. */
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
    hash: entry.hash,
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
  @Cost(20, { items: 50 })
  @Needs('READ_USAGE')
  @FieldResolver(() => LedgerEntryConnection, {
    description:
      "Ordered by sequence, ascending. Without `first` or `last`: the first 50. `range` selects by `bookedAt`. `cycleId` selects the entries of one billing cycle, including those booked at its end; the cycle's carriedOver plus these amounts equals its closing (in the current cycle, before what running deployments have accrued). Conditions combine with AND; an empty list of kinds is no condition.",
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

/** The number of an account's cycle. @throws NOT_FOUND for a cycle that is not this account's */
async function cycleOf(context: RequestContext, accountId: number, id: string): Promise<number> {
  const ref = decodeId(id);
  const isOurs = ref?.type === 'BillingCycle' && ref.accountId === accountId;
  const cycle = isOurs ? await findCycle(context, { accountId, cycleId: ref.localId }) : null;
  if (cycle === null) throw unknownId(id, ['cycleId']);
  return cycle.cycleId;
}

@Resolver(() => LedgerEntryType)
export class LedgerEntryCycleResolver {
  @Cost(1)
  @FieldResolver(() => BillingCycleType, {
    description:
      'The billing cycle in which the entry counts. Entries at the end of a cycle, up to its CARRY_OVER, count in the cycle that ends.',
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
