// Counters that the gateways on one Redis share. A count is worth less than an answer: when Redis is away or slow, each gateway
// counts by itself.

import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Counter, CounterOf } from './rates.ts';

/** How long a request waits for Redis. */
const ANSWER_WITHIN_MS = 100;
/** After it a link that fell silent is opened anew; meanwhile nobody waits for it. */
const SILENT_AFTER_MS = 1_000;
const CONNECT_WITHIN_MS = 2_000;
const RETRY_AFTER_MAX_MS = 2_000;
/** Failures that follow one another sooner are one outage. */
const OUTAGE_ENDS_AFTER_MS = 10_000;

export interface SharedCounters {
  readonly counterOf: CounterOf;
  close(): void;
}

/**
 * Connects to a Redis, and goes on without it while it cannot be reached.
 * @param onError receives one error for each outage
 */
export function openSharedCounters(url: string, onError: (error: Error) => void): SharedCounters {
  const outage = new Outage(onError);
  const client = new Redis(url, {
    commandTimeout: ANSWER_WITHIN_MS,
    socketTimeout: SILENT_AFTER_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    retryStrategy: (attempt) => Math.min(attempt * 100, RETRY_AFTER_MAX_MS),
    enableOfflineQueue: false,
    // A count that was not answered was made here instead.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  });
  client.on('error', (error) => {
    outage.note(error);
  });
  return {
    counterOf: (counted, { points, seconds }) => {
      const bound = { points, duration: seconds };
      const shared = new RateLimiterRedis({
        ...bound,
        storeClient: client,
        keyPrefix: `billing-gateway:${counted}`,
      });
      return new SharedCounter(shared, new RateLimiterMemory(bound), outage);
    },
    close: () => {
      client.disconnect();
    },
  };
}

class SharedCounter implements Counter {
  constructor(
    private readonly shared: RateLimiterRedis,
    private readonly own: RateLimiterMemory,
    private readonly outage: Outage,
  ) {}

  get points(): number {
    return this.own.points;
  }

  consume(holder: string, points: number): Promise<RateLimiterRes> {
    return this.either((counter) => counter.consume(holder, points));
  }

  penalty(holder: string, points: number): Promise<RateLimiterRes> {
    return this.either((counter) => counter.penalty(holder, points));
  }

  reward(holder: string, points: number): Promise<RateLimiterRes> {
    return this.either((counter) => counter.reward(holder, points));
  }

  get(holder: string): Promise<RateLimiterRes | null> {
    return this.either((counter) => counter.get(holder));
  }

  private async either<T>(ask: (counter: Counter) => Promise<T>): Promise<T> {
    try {
      return await ask(this.shared);
    } catch (error) {
      // A refusal is an answer.
      if (error instanceof RateLimiterRes) throw error;
      this.outage.note(error);
      return ask(this.own);
    }
  }
}

class Outage {
  private lastMs = -Infinity;

  constructor(private readonly onError: (error: Error) => void) {}

  note(cause: unknown): void {
    const nowMs = performance.now();
    const isNew = nowMs - this.lastMs > OUTAGE_ENDS_AFTER_MS;
    this.lastMs = nowMs;
    if (!isNew) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.onError(
      new Error(
        `Redis cannot be used (${reason}); until it is back, this gateway counts by itself.`,
        { cause },
      ),
    );
  }
}
