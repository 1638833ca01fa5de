import {
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  Float,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import { accountLoader } from '../account/account.loaders.ts';
import { accountNode, AccountType } from '../account/account.graphql.ts';
import { conditionOf } from '../core/check.ts';
import { encodeId } from '../core/identity.ts';
import { findThreshold, ThresholdType } from '../credits/thresholds.graphql.ts';
import { type AlertKind, alertKinds } from '../engine/credit-event.ts';
import type { RequestContext } from '../graphql/context.ts';
import { NodeType } from '../graphql/node.ts';
import { encodeCursor } from '../core/cursor.ts';
import { type Connection, connectionType } from '../graphql/page.ts';
import { CreditsScalar, DateTimeScalar, DecimalScalar, SafeIntScalar } from '../graphql/scalars.ts';
import { pageOfWindow, parseWindow, WindowArgs, withOneMore } from '../graphql/window.ts';
import { resourceLoader } from '../resources/resources.loaders.ts';
import { type BillableResourceNode, HostedResourceType } from '../resources/resources.types.ts';
import type { Alert } from './alert.ts';
import { alertCountLoader, alertLoader, alertsLoader } from './alerts.loaders.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

registerEnumType(alertKinds, {
  name: 'AlertKind',
  valuesConfig: {
    CREDIT_THRESHOLD: {
      description:
        'A threshold on credits left, or on the percentage of credits used, was reached.',
    },
    RUN_THRESHOLD: {
      description: 'A threshold on the percentage of workflow runs used was reached.',
    },
    LOW_CREDITS: {
      description: 'The balance fell to lowCredit: new deployments are refused.',
    },
    CREDITS_EXHAUSTED: { description: 'The balance fell to zero.' },
    NEGATIVE_LIMIT_REACHED: {
      description: 'The balance fell to the negative limit: running deployments were stopped.',
    },
    STOP_EXPECTED: {
      description: 'The time left until `stopsAt` fell to the hours of a HOURS_TO_STOP threshold.',
    },
    RESOLVED: {
      description:
        'The condition of an earlier alert no longer holds, after a grant, a void or the start of a cycle.',
    },
  },
});

@ObjectType('Alert', {
  implements: NodeType,
  simpleResolvers: true,
  description:
    'Raised once when a threshold or limit is reached, and once when it no longer holds.',
})
export class AlertType extends NodeType {
  @Field(() => SafeIntScalar, {
    description: "Numbers the account's records 1, 2, 3 … without gaps.",
  })
  readonly sequence!: number;
  @Field(() => String, {
    description: "The cursor of the alert's edge, for `creditAlerts(after:)`.",
  })
  readonly cursor!: string;
  @Field(() => alertKinds) readonly kind!: AlertKind;
  @Field(() => DateTimeScalar, { description: 'The exact instant at which the level was crossed.' })
  readonly crossedAt!: number;
  @Field(() => DateTimeScalar, { description: 'When it was recorded, in real time.' })
  readonly raisedAt!: number;
  @Field(() => CreditsScalar, { description: 'Credits left at the crossing; negative in debt.' })
  readonly remaining!: bigint;
  @Field(() => Float, {
    nullable: true,
    description:
      'At the crossing, of runs for an alert on runs, otherwise of credits. Null where nothing is allocated.',
  })
  readonly percentUsed!: number | null;
  @Field(() => SafeIntScalar, {
    nullable: true,
    description: 'For an alert on runs: the runs left at the crossing.',
  })
  readonly runsRemaining!: number | null;
  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      "The threshold's measure at the crossing, in its own unit (credits, percent or hours), rounded half up. Null for a limit, for a percentage of nothing allocated, and for hours when no stop is expected.",
  })
  readonly measured!: bigint | null;
  @Field(() => String, { description: 'A sentence to show, in English.' })
  readonly message!: string;
  /** For the other fields of an alert. */
  readonly alert!: Alert;
}

/** An alert as the API shows it. */
export function alertNode(alert: Alert): AlertType {
  return {
    id: encodeId('Alert', alert.accountId, alert.sequence),
    sequence: alert.sequence,
    cursor: encodeCursor(keyOf(alert)),
    kind: alert.kind,
    crossedAt: alert.crossedAtMs,
    raisedAt: alert.raisedAtMs,
    remaining: alert.remainingMicro,
    percentUsed: alert.percentUsed,
    runsRemaining: alert.runsRemaining,
    measured: alert.measuredMicro,
    message: alert.message,
    alert,
  };
}

function keyOf({ sequence }: Alert): { readonly value: null; readonly id: number } {
  return { value: null, id: sequence };
}

const ALERTS_PER_PAGE = 25;
const AlertConnection = connectionType('Alert', () => AlertType);

@ArgsType()
class AlertsArgs extends WindowArgs {
  @Field(() => [alertKinds], { nullable: true }) readonly kinds?: readonly AlertKind[] | null;
}

@Resolver(() => AccountType)
export class AccountAlertsResolver {
  @Cost(10, { items: 25 })
  @Needs('READ_USAGE')
  @FieldResolver(() => AlertConnection, {
    description: 'Ordered by sequence, ascending. Without `first` or `last`: the last 25.',
  })
  async alerts(
    @Root() { account }: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => AlertsArgs) args: AlertsArgs,
  ): Promise<Connection<AlertType>> {
    const { accountId } = account;
    const kinds = conditionOf(args.kinds);
    const window = parseWindow(args, { from: 'LAST', limit: ALERTS_PER_PAGE });
    const rows = await alertsLoader(context).load({
      accountId,
      window: { ...withOneMore(window), kinds },
    });
    return pageOfWindow(rows.map(alertNode), window, {
      keyOf: ({ alert }) => keyOf(alert),
      countAll: () => alertCountLoader(context).load({ accountId, kinds }),
    });
  }
}

@Resolver(() => AlertType)
export class AlertResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => AccountType)
  async account(
    @Root() { alert }: AlertType,
    @Ctx() context: RequestContext,
  ): Promise<AccountType> {
    return accountNode(await accountLoader(context).load(alert.accountId));
  }

  @Cost(1)
  @FieldResolver(() => ThresholdType, {
    nullable: true,
    description: 'The threshold as it is now. Null for a limit, and for a deleted threshold.',
  })
  async threshold(
    @Root() { alert }: AlertType,
    @Ctx() context: RequestContext,
  ): Promise<ThresholdType | null> {
    return findThreshold(context, alert);
  }

  @Cost(2)
  @FieldResolver(() => [HostedResourceType], {
    description: 'For NEGATIVE_LIMIT_REACHED: the deployments that were stopped.',
  })
  async stopped(
    @Root() { alert }: AlertType,
    @Ctx() context: RequestContext,
  ): Promise<readonly BillableResourceNode[]> {
    const { accountId, stoppedResourceIds } = alert;
    const nodes = await Promise.all(
      stoppedResourceIds.map((resourceId) =>
        resourceLoader(context).load({ accountId, resourceId }),
      ),
    );
    return nodes.filter((node) => node !== null);
  }

  @Cost(2)
  @FieldResolver(() => AlertType, {
    nullable: true,
    description: 'For RESOLVED: the alert whose condition no longer holds.',
  })
  async resolves(
    @Root() { alert }: AlertType,
    @Ctx() context: RequestContext,
  ): Promise<AlertType | null> {
    const { accountId, resolves } = alert;
    if (resolves === null) return null;
    const resolved = await alertLoader(context).load({ accountId, sequence: resolves });
    return resolved === null ? null : alertNode(resolved);
  }
}
