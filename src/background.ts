// Faults where no caller waits for an answer. They are counted and reported, and never end the process. Whoever does the
// work tries it again, and committed work is kept.

/** WORK: reported by the work itself, which is tried again. UNHANDLED: unexpected, so it is reported with its stack. */
export type BackgroundFailure = 'WORK' | 'UNHANDLED';

export class BackgroundFailures {
  /** Since the process began. */
  readonly counts: Record<BackgroundFailure, number> = { WORK: 0, UNHANDLED: 0 };

  /** @param write prints a line for the operator */
  constructor(private readonly write: (line: string) => void) {}

  /** Receives the errors of work that failed and is tried again. */
  readonly onError = (error: unknown): void => {
    this.counts.WORK += 1;
    this.write(`Background work failed and is tried again: ${String(error)}`);
  };

  /** Keeps the process alive when an error is not caught. */
  guard(target: NodeJS.EventEmitter): void {
    const onUnhandled = (error: unknown): void => {
      this.counts.UNHANDLED += 1;
      const stack = error instanceof Error ? error.stack : undefined;
      this.write(`Unexpected fault of the gateway: ${stack ?? String(error)}`);
    };
    target.on('unhandledRejection', onUnhandled);
    target.on('uncaughtException', onUnhandled);
  }
}
