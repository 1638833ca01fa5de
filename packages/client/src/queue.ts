/** Events between a socket, which pushes them, and a loop, which takes them when it is ready. */
export class Queue<T> {
  private readonly waiting: T[] = [];
  private failure: Error | null = null;
  private isOver = false;
  private wake: () => void = () => undefined;

  get length(): number {
    return this.waiting.length;
  }

  push(event: T): void {
    if (this.isOver) return;
    this.waiting.push(event);
    this.wake();
  }

  /** Forgets what was not taken yet: only the newest counts. */
  clear(): void {
    this.waiting.length = 0;
  }

  /** No event follows. @param failure what the loop is told after the events that are waiting; null: it ends */
  end(failure: Error | null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.failure = failure;
    this.wake();
  }

  /** The events, as they come. @throws what the queue ended with */
  async *taken(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const event = this.waiting.shift();
      if (event !== undefined) {
        yield event;
      } else if (this.isOver) {
        if (this.failure !== null) throw this.failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}
