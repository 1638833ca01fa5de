import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { DateRangeInput } from '../account/range.graphql.ts';
import { resolveRange } from '../account/range.ts';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType, type Connection, Page50, pageOfRows, parsePage } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { type LedgerEntryKind, ledgerEntryKinds } from '../engine/ledger.ts';
import { countEntries, type LedgerEntry, listEntries } from './ledger.service.ts';

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

@ArgsType()
class LedgerArgs extends Page50 {
  @Field(() => DateRangeInput, { nullable: true }) readonly range?: DateRangeInput | null;
}

@Resolver(() => AccountType)
export class AccountLedgerResolver {
  @FieldResolver(() => LedgerEntryConnection, {
    description: 'Ascending; the range is of `bookedAt`.',
  })
  async ledger(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => LedgerArgs) args: LedgerArgs,
  ): Promise<Connection<LedgerEntryType>> {
    const page = parsePage(args, 50);
    const range = args.range == null ? null : resolveRange(args.range, account, context.nowMs);
    const list = { accountId: account.accountId, range };
    const tx = await context.reader();
    const entries = await listEntries(tx, list, {
      afterSequence: page.after?.id ?? 0,
      limit: page.first + 1,
    });
    return pageOfRows(entries.map(ledgerEntryNode), page, {
      keyOf: ({ entry }) => ({ value: null, id: entry.sequence }),
      countAll: () => countEntries(tx, list),
    });
  }
}
