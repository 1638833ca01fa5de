// A queue for one reader: an async iterator that is pushed to. It holds a bounded number of events, because a reader that
// does not read must not cost the gateway's memory.

type Taken<T> = IteratorResult<T, undefined>;

/** Events for one reader, in order. `return()` ends it at once, even while the reader waits. */
export class EventQueue<T> implements AsyncGenerator<T, undefined, undefined> {
  private waiting: T[] = [];
  private taker: ((taken: Taken<T>) => void) | null = null;
  private isEnded = false;

  constructor(
    private readonly callbacks: {
      /** Called once, when the reader or the writer ended it. */
      readonly onEnd: () => void;
      /** Called when the reader has taken an event, or asks for one that is not there yet. */
      readonly onTake?: () => void;
    },
  ) {}

  /** How many events wait. */
  get length(): number {
    return this.waiting.length;
  }

  push(event: T): void {
    if (this.isEnded) return;
    const { taker } = this;
    if (taker === null) {
      this.waiting.push(event);
      return;
    }
    this.taker = null;
    taker({ done: false, value: event });
  }

  /** Replaces all waiting events by one, for readers that only want the latest. */
  replace(event: T): void {
    this.waiting = [];
    this.push(event);
  }

  next(): Promise<Taken<T>> {
    const event = this.waiting.shift();
    if (this.isEnded) return Promise.resolve({ done: true, value: undefined });
    const taken =
      event === undefined
        ? new Promise<Taken<T>>((resolve) => {
            this.taker = resolve;
          })
        : Promise.resolve<Taken<T>>({ done: false, value: event });
    this.callbacks.onTake?.();
    return taken;
  }

  return(): Promise<Taken<T>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<Taken<T>> {
    this.end();
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.waiting = [];
    this.taker?.({ done: true, value: undefined });
    this.taker = null;
    this.callbacks.onEnd();
  }
}
