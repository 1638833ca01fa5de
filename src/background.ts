// What goes wrong where nobody waits for an answer. It is counted and told, and never ends the process: what can be tried
// again is tried again by whoever does the work, and what was committed stands.

/** WORK says so itself, and is tried again; UNHANDLED is a fault that nobody expected: told with its stack. */
export type BackgroundFailure = 'WORK' | 'UNHANDLED';

export class BackgroundFailures {
  /** Since the process began. */
  readonly counts: Record<BackgroundFailure, number> = { WORK: 0, UNHANDLED: 0 };

  /** @param write takes a line for the operator */
  constructor(private readonly write: (line: string) => void) {}

  /** Told of work that failed and is tried again. */
  readonly onError = (error: unknown): void => {
    this.counts.WORK += 1;
    this.write(`Background work failed, and is tried again: ${String(error)}`);
  };

  /** Keeps the process alive whatever is thrown where nobody catches it. */
  guard(target: NodeJS.EventEmitter): void {
    const onUnhandled = (error: unknown): void => {
      this.counts.UNHANDLED += 1;
      const stack = error instanceof Error ? error.stack : undefined;
      this.write(`A fault of the gateway that nobody expected: ${stack ?? String(error)}`);
    };
    target.on('unhandledRejection', onUnhandled);
    target.on('uncaughtException', onUnhandled);
  }
}
