import {
  Args,
  ArgsType,
  Ctx,
  Field,
  ID,
  Int,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { encodeId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { type Connection, connectionType, Page25, pageOfRows, parsePage } from '../graphql/page.ts';
import { DateTimeScalar, EmailAddressScalar } from '../graphql/scalars.ts';
import {
  deliveryStatuses,
  type DeliveryStatus,
  type Email,
  emailKinds,
  type EmailKind,
} from './email.ts';
import type { EmailService } from './emails.service.ts';

registerEnumType(emailKinds, {
  name: 'EmailKind',
  description:
    'What an email tells of. CREDIT_USAGE: thresholds on credits, and the end of a cycle.',
});
registerEnumType(deliveryStatuses, {
  name: 'DeliveryStatus',
  valuesConfig: {
    PENDING: { description: 'To be sent, for the first time or again.' },
    DELIVERED: { description: 'The receiver took it.' },
    FAILED: { description: 'Given up; lastError says why.' },
  },
});

@ObjectType('Email', { implements: NodeType, simpleResolvers: true })
export class EmailType extends NodeType {
  @Field(() => emailKinds, { description: 'The gravest of what it tells of.' })
  readonly kind!: EmailKind;
  @Field(() => [EmailAddressScalar]) readonly to!: readonly string[];
  @Field(() => String) readonly subject!: string;
  @Field(() => String, { description: 'Its plain text; it is sent as HTML too.' })
  readonly text!: string;
  @Field(() => deliveryStatuses, { description: 'PENDING for ever without a mail server.' })
  readonly status!: DeliveryStatus;
  @Field(() => Int, { description: 'How often it was tried to be sent.' })
  readonly attempts!: number;
  @Field(() => String, {
    nullable: true,
    description:
      'What went wrong last, in a sentence; also of addresses that were refused while others took it.',
  })
  readonly lastError!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, { nullable: true, description: 'When the mail server took it.' })
  readonly deliveredAt!: number | null;
  /** Its place in a list. */
  readonly emailId!: number;
}

/** An email as the API shows it. */
export function emailNode(email: Email): EmailType {
  return {
    id: encodeId('Email', email.accountId, email.emailId),
    kind: email.kind,
    to: email.to,
    subject: email.subject,
    text: email.text,
    status: email.status,
    attempts: email.attempts,
    lastError: email.lastError,
    createdAt: email.createdAtMs,
    deliveredAt: email.deliveredAtMs,
    emailId: email.emailId,
  };
}

const EmailConnection = connectionType('Email', () => EmailType);

@ArgsType()
class EmailsArgs extends Page25 {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
}

@Resolver()
export class EmailsResolver {
  constructor(private readonly service: EmailService) {}

  @Query(() => EmailConnection, {
    nullable: true,
    description: 'Emails sent or to be sent for the account, newest first.',
  })
  async emails(
    @Ctx() context: RequestContext,
    @Args(() => EmailsArgs) args: EmailsArgs,
  ): Promise<Connection<EmailType>> {
    const page = parsePage(args, 25);
    const { emails, countAll } = await this.service.list(context.actor, await context.reader(), {
      accountId: args.accountId ?? null,
      afterId: page.after?.id ?? null,
      limit: page.first + 1,
    });
    return pageOfRows(emails.map(emailNode), page, {
      keyOf: (node) => ({ value: null, id: node.emailId }),
      countAll,
    });
  }
}
