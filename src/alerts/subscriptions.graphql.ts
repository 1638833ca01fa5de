import { type GraphQLResolveInfo, visit } from 'graphql';
import { Arg, ID, Int, Resolver, Root, Subscription } from 'type-graphql';
import { conditionOf } from '../core/check.ts';
import type { Balance } from '../credits/balance.service.ts';
import { balanceNode, CreditBalanceType } from '../credits/balance.graphql.ts';
import { type AlertKind, alertKinds } from '../engine/credit-event.ts';
import type { RequestContext } from '../graphql/context.ts';
import type { Alert } from './alert.ts';
import { alertNode, AlertType } from './alerts.graphql.ts';
import { sequenceOfCursor } from '../graphql/window.ts';
import type { LiveService } from './live.service.ts';
import { Cost, SharedAnswers } from '../graphql/field-extensions.ts';

const EVERY_SECONDS = 5;
/** What `after` is where no alert was handled yet, so that there is no cursor. */
const FROM_THE_FIRST = '';

interface LiveSource {
  readonly live: LiveService;
  readonly onSlow: () => void;
}

const sources = new WeakMap<RequestContext, LiveSource>();

/** Allows subscriptions in a context. @param source of their events; it also has the callback for slow readers */
export function allowSubscriptions(context: RequestContext, source: LiveSource): RequestContext {
  sources.set(context, source);
  return context;
}

function sourceOf(context: RequestContext): LiveSource {
  const source = sources.get(context);
  if (source === undefined) throw new Error('subscriptions run over WebSocket or SSE alone');
  return source;
}

interface AlertsArgs {
  readonly accountId?: string | null;
  readonly after?: string | null;
  readonly kinds?: readonly AlertKind[] | null;
}

interface BalanceArgs {
  readonly accountId?: string | null;
  readonly everySeconds?: number | null;
}

async function subscribeToAlerts({
  args,
  context,
}: {
  readonly args: AlertsArgs;
  readonly context: RequestContext;
}): Promise<AsyncIterable<Alert>> {
  const { live, onSlow } = sourceOf(context);
  return live.alerts(context.actor, {
    accountId: args.accountId ?? null,
    after: args.after === FROM_THE_FIRST ? 0 : sequenceOfCursor(args.after, 'after'),
    kinds: conditionOf(args.kinds),
    onSlow,
  });
}

async function subscribeToBalance({
  args,
  context,
  info,
}: {
  readonly args: BalanceArgs;
  readonly context: RequestContext;
  readonly info: GraphQLResolveInfo;
}): Promise<AsyncIterable<Balance>> {
  return sourceOf(context).live.balances(context.actor, {
    accountId: args.accountId ?? null,
    everySeconds: args.everySeconds ?? EVERY_SECONDS,
    withForecast: selects(info, new Set(['exhaustsAt', 'stopsAt'])),
  });
}

/** Whether the operation names one of these fields anywhere. */
function selects(
  { operation, fragments }: GraphQLResolveInfo,
  names: ReadonlySet<string>,
): boolean {
  let isFound = false;
  for (const definition of [operation, ...Object.values(fragments)]) {
    visit(definition, {
      Field: ({ name }) => {
        isFound ||= names.has(name.value);
      },
    });
  }
  return isFound;
}

@Resolver()
export class LiveResolver {
  @Cost(20)
  @SharedAnswers()
  @Subscription(() => AlertType, {
    subscribe: subscribeToAlerts,
    description:
      'All alerts after the cursor: first those raised already, then new ones as they are raised, in order and without loss. An empty text: from the first alert of the account on. Without a cursor: new alerts only.',
  })
  creditAlerts(
    // The subscription's arguments were used when it began; here the event has arrived already.
    @Arg('accountId', () => ID, { nullable: true }) _accountId: string | null,
    @Arg('after', () => String, { nullable: true }) _after: string | null,
    @Arg('kinds', () => [alertKinds], { nullable: true }) _kinds: readonly AlertKind[] | null,
    @Root() alert: Alert,
  ): AlertType {
    return alertNode(alert);
  }

  @Cost(20)
  @SharedAnswers()
  @Subscription(() => CreditBalanceType, {
    subscribe: subscribeToBalance,
    description:
      'The live balance: first the current one, then each change, and at least every `everySeconds` (1 to 3,600) while deployments run. A slow client receives the latest balance and may miss earlier ones.',
  })
  creditBalance(
    @Arg('accountId', () => ID, { nullable: true }) _accountId: string | null,
    @Arg('everySeconds', () => Int, { nullable: true, defaultValue: EVERY_SECONDS })
    _everySeconds: number | null,
    @Root() balance: Balance,
  ): CreditBalanceType {
    return balanceNode(balance);
  }
}
