// Waiting before something is tried again: longer after each failure, apart from others that failed at the same time, and never
// longer than the caller wants.

const FIRST_MS = 250;

/**
 * How long to wait before the next attempt, in milliseconds: 250 ms doubled with each failure, up to `mostMs`, of which a
 * random half at most is left out; but never less than what the gateway asks for.
 * @param failures how many there were in a row, from 1
 */
export function backoffMs(
  failures: number,
  mostMs: number,
  retryAfterSeconds: number | null,
): number {
  const fullMs = Math.min(FIRST_MS * 2 ** (failures - 1), mostMs);
  return Math.max(fullMs * (1 - random() / 2), (retryAfterSeconds ?? 0) * 1_000);
}

/** From 0 up to 1. */
function random(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return bits / 2 ** 32;
}

/**
 * Waits. It ends early when the signal aborts, and in a browser when the network is back.
 * @param signal that ends it; look at it afterwards
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      page?.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
    page?.addEventListener('online', done);
    if (signal?.aborted === true) done();
  });
}

// A browser's window has events of its own; Node's global object has none.
const global: unknown = globalThis;
const page = global instanceof EventTarget ? global : null;
