import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { AccountType } from '../account/account.graphql.ts';
import { present } from '../core/errors.ts';
import { encodeId } from '../core/identity.ts';
import { INT_MAX } from '../core/micro.ts';
import { BillingCycleType, findCycle } from '../credits/cycles.graphql.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';
import { NodeType } from '../graphql/node.ts';
import { After, type Connection, connectionType, pageOfRows, parsePage } from '../graphql/page.ts';
import { DateTimeScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { readStatementCount, readStatements } from './statements.loaders.ts';
import type { Statement } from './statement.ts';

const STATEMENTS_PER_PAGE = 12;

@ObjectType('Statement', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'The closed books of a billing cycle: final, signed, and each holding the hash of the one before. It is issued within seconds of the end of its cycle.',
})
export class StatementType extends NodeType {
  @Field(() => Int, { description: '1, 2, 3 … of the account, without gaps.' })
  readonly number!: number;
  @Field(() => DateTimeScalar, { description: 'When it was issued, in real time.' })
  readonly issuedAt!: number;
  @Field(() => String, {
    description: "SHA-256 of the document's canonical form (RFC 8785), in hexadecimal digits.",
  })
  readonly sha256!: string;
  @Field(() => String, {
    nullable: true,
    description: 'The `sha256` of the statement before; null for the first one.',
  })
  readonly previousSha256!: string | null;
  @Field(() => String, {
    description: 'Ed25519, over the same bytes as `sha256`, in Base64.',
  })
  readonly signature!: string;
  @Field(() => String, {
    description: 'Which of the public keys at `/.well-known/billing-keys.json` verifies it.',
  })
  readonly keyId!: string;
  @Field(() => SafeIntScalar, {
    description: 'The last entry of the ledger that counts in the cycle, its CARRY_OVER.',
  })
  readonly lastLedgerSequence!: number;
  @Field(() => String, {
    description: 'The hash of that entry, which proves all entries up to it.',
  })
  readonly lastLedgerHash!: string;
  /** For the fields that need more. */
  readonly statement!: Statement;
}

/** A statement as the API shows it. */
export function statementNode(statement: Statement): StatementType {
  const { accountId, number } = statement;
  return {
    id: encodeId('Statement', accountId, number),
    number,
    issuedAt: statement.issuedAtMs,
    sha256: statement.sha256,
    previousSha256: statement.previousSha256,
    signature: statement.signature,
    keyId: statement.keyId,
    lastLedgerSequence: statement.lastSequence,
    lastLedgerHash: statement.lastHash,
    statement,
  };
}

const StatementConnection = connectionType('Statement', () => StatementType);

@ArgsType()
class StatementsArgs extends After {
  @Field(() => Int, { nullable: true, defaultValue: STATEMENTS_PER_PAGE })
  readonly first?: number | null;
}

@Resolver(() => AccountType)
export class AccountStatementsResolver {
  @Cost(10)
  @Needs('READ_USAGE')
  @FieldResolver(() => StatementConnection, {
    description: 'The statements of the billing cycles that have ended; newest first.',
  })
  async statements(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => StatementsArgs) args: StatementsArgs,
  ): Promise<Connection<StatementType>> {
    const { accountId } = account;
    const page = parsePage(args, STATEMENTS_PER_PAGE);
    const statements = await readStatements(context, {
      accountId,
      before: Math.min(page.after?.id ?? INT_MAX, INT_MAX),
      limit: page.first + 1,
    });
    return pageOfRows(statements.map(statementNode), page, {
      keyOf: ({ number }) => ({ value: null, id: number }),
      countAll: () => readStatementCount(context, accountId),
    });
  }
}

@Resolver(() => StatementType)
export class StatementResolver {
  constructor(private readonly links: { readonly publicUrl: string | null }) {}

  @Cost(1)
  @FieldResolver(() => BillingCycleType)
  async cycle(
    @Root() { statement }: StatementType,
    @Ctx() context: RequestContext,
  ): Promise<BillingCycleType> {
    const { accountId, number: cycleId } = statement;
    return present(await findCycle(context, { accountId, cycleId }), 'a statement is of a cycle');
  }

  @Cost(0)
  @FieldResolver(() => String, {
    description:
      'The address of the statement as JSON, which takes the same keys and tokens as the API; with `.html` or `.pdf` at its end, as a document for people. It is a path where the gateway does not know its own address.',
  })
  url(@Root() { id }: StatementType): string {
    return `${this.links.publicUrl ?? ''}/v1/statements/${id}.json`;
  }
}
