// What a gateway sends live. One connection listens for alerts. Besides, the watched balances are compared once a
// second, and alerts are read now and then, in case a notice was lost.

import { parseWithin } from '../core/check.ts';
import type { Clock } from '../core/clock.ts';
import { type Actor, encodeId, unknownId } from '../core/identity.ts';
import type { Balance } from '../credits/balance.service.ts';
import type { AlertKind } from '../engine/credit-event.ts';
import type { Database } from '../db/database.ts';
import type { Alert } from './alert.ts';
import { AlertFeed } from './alert.feed.ts';
import { requireLiveAccount } from './alerts.service.ts';
import { ALERT_CHANNEL } from './alerts.store.ts';
import { BalanceFeed } from './balance.feed.ts';

const TICK_EVERY_MS = 100;
const BALANCES_EVERY_MS = 1_000;
const ALERTS_EVERY_MS = 5_000;
const EVERY_SECONDS_MAX = 3_600;

export class LiveService {
  private readonly alertFeed: AlertFeed;
  private readonly balanceFeed: BalanceFeed;
  private timers: readonly NodeJS.Timeout[] = [];
  private listener: { readonly stop: () => Promise<void> } | null = null;

  constructor(
    private readonly database: Database,
    clock: Clock,
    onError: (error: unknown) => void,
  ) {
    this.alertFeed = new AlertFeed(database, onError);
    this.balanceFeed = new BalanceFeed(database, clock, onError);
  }

  start(): void {
    if (this.listener !== null) return;
    this.listener = this.database.listen(ALERT_CHANNEL, {
      onNotice: (payload) => {
        const accountId = Number(payload.split(':', 1)[0]);
        this.alertFeed.nudge(accountId);
        this.balanceFeed.nudge(accountId);
      },
      onListening: () => {
        this.alertFeed.nudgeAll();
      },
    });
    this.timers = [
      every(TICK_EVERY_MS, () => {
        this.balanceFeed.tick();
      }),
      every(BALANCES_EVERY_MS, () => {
        this.balanceFeed.nudgeAll();
      }),
      every(ALERTS_EVERY_MS, () => {
        this.alertFeed.nudgeAll();
      }),
    ];
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.alertFeed.stop();
    this.balanceFeed.stop();
    await this.listener?.stop();
    this.listener = null;
  }

  /**
   * The alerts of an account: first those after a sequence that the caller has, then live ones.
   * @param request.onSlow called when the caller does not read; the stream is over then
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async alerts(
    actor: Actor,
    request: {
      readonly accountId: string | null;
      readonly after: number | null;
      readonly kinds: readonly AlertKind[] | null;
      readonly onSlow: () => void;
    },
  ): Promise<AsyncGenerator<Alert>> {
    const accountId = requireLiveAccount(actor, request.accountId);
    const stream = await this.alertFeed.subscribe({ ...request, accountId });
    return stream ?? unknownAccount(accountId, request.accountId);
  }

  /** The balance of an account as it changes. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async balances(
    actor: Actor,
    request: {
      readonly accountId: string | null;
      readonly everySeconds: number;
      readonly withForecast: boolean;
    },
  ): Promise<AsyncGenerator<Balance>> {
    const accountId = requireLiveAccount(actor, request.accountId);
    const limits = { min: 1, max: EVERY_SECONDS_MAX };
    const everySeconds = parseWithin(request.everySeconds, limits, ['everySeconds']);
    const stream = await this.balanceFeed.subscribe(accountId, {
      everyMs: everySeconds * 1_000,
      withForecast: request.withForecast,
    });
    return stream ?? unknownAccount(accountId, request.accountId);
  }
}

function every(intervalMs: number, act: () => void): NodeJS.Timeout {
  const timer = setInterval(act, intervalMs);
  timer.unref();
  return timer;
}

function unknownAccount(accountId: number, asNamed: string | null): never {
  throw unknownId(asNamed ?? encodeId('Account', accountId, accountId), ['accountId']);
}
