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
import { Cost } from '../graphql/field-extensions.ts';

registerEnumType(emailKinds, {
  name: 'EmailKind',
  description:
    'What an email reports. CREDIT_USAGE covers thresholds on credits and the end of a cycle.',
});
registerEnumType(deliveryStatuses, {
  name: 'DeliveryStatus',
  valuesConfig: {
    PENDING: { description: 'Waiting for its first or next attempt.' },
    DELIVERED: { description: 'The receiver accepted it.' },
    FAILED: { description: 'All attempts failed; see `lastError`.' },
  },
});

@ObjectType('Email', { implements: NodeType, simpleResolvers: true })
export class EmailType extends NodeType {
  @Field(() => emailKinds, {
    description: 'The most severe kind of the events that the email reports.',
  })
  readonly kind!: EmailKind;
  @Field(() => [EmailAddressScalar]) readonly to!: readonly string[];
  @Field(() => String) readonly subject!: string;
  @Field(() => String, { description: 'The plain text; the email also has an HTML part.' })
  readonly text!: string;
  @Field(() => deliveryStatuses, {
    description: 'Stays PENDING while no mail server is configured.',
  })
  readonly status!: DeliveryStatus;
  @Field(() => Int, { description: 'Number of delivery attempts.' })
  readonly attempts!: number;
  @Field(() => String, {
    nullable: true,
    description:
      'The last error, in a sentence. Also set when some addresses were refused and others accepted.',
  })
  readonly lastError!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, { nullable: true, description: 'When the mail server accepted it.' })
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

  @Cost(10)
  @Query(() => EmailConnection, {
    nullable: true,
    description: "The account's emails, sent and pending, newest first.",
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
