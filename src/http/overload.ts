// What is more than the gateway can do is refused at once, before work is spent on it. So what was taken is answered soon, and
// the gateway does as much under three times its load as under its load.
//
// Pressure is the share of its bounds that a gateway has reached; the greatest of three signals counts. Two of them are times
// that work waits, so they need no tuning to a machine. The third bounds what waits elsewhere, such as for a shared commit.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { UnavailableError } from '../core/errors.ts';

const WAIT_MAX_MS = 500;
const LOOP_DELAY_MAX_MS = 200;
const IN_FLIGHT_MAX = 1_000;
const LOOP_DELAY_RESOLUTION_MS = 10;
const LOOP_DELAY_EVERY_MS = 500;
const RETRY_AFTER_SECONDS = 1;

/** The pressure from which queries of more than so many points are refused: wide ones first. */
const QUERIES_REFUSED_FROM = [
  { abovePoints: 1_000, pressure: 0.5 },
  { abovePoints: 100, pressure: 0.75 },
  { abovePoints: -1, pressure: 0.9 },
] as const;
/** What would be lost to its sender is refused last. */
const WRITES_REFUSED_FROM = 1;

/** What an operation is to the gateway. A call of `POST /v1/events` is a mutation. */
export interface Work {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly points: number;
}

export type Signal = 'connections' | 'event_loop' | 'in_flight';

export interface OverloadOptions {
  /** How long one more would wait for a connection of the pool, in milliseconds. */
  readonly connectionWaitMs: () => number;
  /** For tests: takes the place of what is measured of the event loop, in milliseconds. */
  readonly loopDelayMs?: (() => number) | undefined;
}

/** The gateway has more to do than it can. */
class OverloadedError extends UnavailableError {
  constructor() {
    super('The gateway has more to do than it can at this moment; please try again.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

/** Judges what is taken and what is refused. */
export class Overload {
  /** How many requests were refused, by the signal that was greatest. */
  readonly shed: Record<Signal, number> = { connections: 0, event_loop: 0, in_flight: 0 };
  private inFlight = 0;
  private readonly loopDelayMs: () => number;
  private readonly loop: LoopDelay | null;

  constructor(private readonly options: OverloadOptions) {
    this.loop = options.loopDelayMs === undefined ? new LoopDelay() : null;
    this.loopDelayMs = options.loopDelayMs ?? ((): number => this.loop?.medianMs ?? 0);
  }

  /** The share of each bound that is reached; 1 is all of it. */
  pressures(): Record<Signal, number> {
    return {
      connections: this.options.connectionWaitMs() / WAIT_MAX_MS,
      event_loop: this.loopDelayMs() / LOOP_DELAY_MAX_MS,
      in_flight: this.inFlight / IN_FLIGHT_MAX,
    };
  }

  /** Lets work in, or anything at all when none is named. @throws UNAVAILABLE */
  require(work?: Work): void {
    const refusedFrom = work === undefined ? WRITES_REFUSED_FROM : refusedFromOf(work);
    for (const [signal, pressure] of Object.entries(this.pressures()) as [Signal, number][]) {
      if (pressure < refusedFrom) continue;
      this.shed[signal] += 1;
      throw new OverloadedError();
    }
  }

  /** Counts work as in flight from now on. @returns what ends it; to be called once */
  begin(): () => void {
    this.inFlight += 1;
    return () => {
      this.inFlight -= 1;
    };
  }

  stop(): void {
    this.loop?.stop();
  }
}

function refusedFromOf({ type, points }: Work): number {
  if (type === 'mutation') return WRITES_REFUSED_FROM;
  const step = QUERIES_REFUSED_FROM.find(({ abovePoints }) => points > abovePoints);
  return step?.pressure ?? WRITES_REFUSED_FROM;
}

// A median: one long turn of the loop is no overload.
class LoopDelay {
  medianMs = 0;
  private readonly histogram = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
  private readonly timer = setInterval(() => {
    const delayMs = this.histogram.percentile(50) / 1e6 - LOOP_DELAY_RESOLUTION_MS;
    this.medianMs = Math.max(0, delayMs);
    this.histogram.reset();
  }, LOOP_DELAY_EVERY_MS).unref();

  constructor() {
    this.histogram.enable();
  }

  stop(): void {
    clearInterval(this.timer);
    this.histogram.disable();
  }
}

export interface RequestAdmission {
  /** A route's first hook: refuses what could not be taken whatever it is, before its body is read. */
  readonly onRequest: () => void;
  /** Takes a request until its answer is sent. @throws UNAVAILABLE */
  readonly admit: (request: FastifyRequest, work: Work) => void;
}

/** Judges the requests of `app`. */
export function admitRequests(app: FastifyInstance, overload: Overload): RequestAdmission {
  const ends = new WeakMap<FastifyRequest, () => void>();
  // It runs for every answer, also when the caller has gone.
  app.addHook('onSend', (request, _reply, _payload, done) => {
    ends.get(request)?.();
    ends.delete(request);
    done();
  });
  app.addHook('onClose', () => {
    overload.stop();
  });
  return {
    onRequest: () => {
      overload.require();
    },
    admit: (request, work) => {
      overload.require(work);
      ends.set(request, overload.begin());
    },
  };
}
