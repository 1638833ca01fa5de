/** Work that is done again and again until it is stopped. */
export class Repeating {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isOver = false;

  /** @param everyMs from one begin to the next; work that takes longer is followed at once */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<unknown>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Whether it was stopped, so that work in progress should end early. */
  get isStopping(): boolean {
    return this.isOver;
  }

  /** Begins now, or in `delayMs`. */
  start(delayMs = 0): void {
    this.isOver = false;
    this.schedule(delayMs);
  }

  /** Ends after the work in progress. */
  async stop(): Promise<void> {
    this.isOver = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.running;
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, delayMs);
    this.timer.unref();
  }

  private async run(): Promise<void> {
    const begunMs = performance.now();
    await this.work().catch(this.onError);
    if (!this.isOver) this.schedule(Math.max(0, begunMs + this.everyMs - performance.now()));
  }
}
