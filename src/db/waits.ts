const WEIGHT_OF_LATEST = 0.1;
/** What is given at once is no place in a queue. */
const AT_ONCE_MS = 1;

/** A queue: who waits, and how long one more would. */
export class Waits {
  // In the order of their beginnings.
  private readonly waiting = new Set<{ readonly sinceMs: number }>();
  /** A moving average. */
  private placeMs = 0;

  /** How long one more would wait, by how long others did, or the first one does already. In milliseconds; 0: nobody waits. */
  get expectedMs(): number {
    const [first] = this.waiting;
    if (first === undefined) return 0;
    return Math.max(performance.now() - first.sinceMs, this.waiting.size * this.placeMs);
  }

  /** Waits until `what` is settled. @returns what it gives */
  async during<T>(what: Promise<T>): Promise<T> {
    const one = { sinceMs: performance.now() };
    this.waiting.add(one);
    const places = this.waiting.size;
    try {
      return await what;
    } finally {
      this.waiting.delete(one);
      const tookMs = performance.now() - one.sinceMs;
      if (tookMs > AT_ONCE_MS) {
        this.placeMs += (tookMs / places - this.placeMs) * WEIGHT_OF_LATEST;
      }
    }
  }
}

const waitsOf = new WeakMap<object, Waits>();

/** Who waits for a connection of a pool. */
export function waitsFor(pool: object): Waits {
  const waits = waitsOf.get(pool) ?? new Waits();
  waitsOf.set(pool, waits);
  return waits;
}
