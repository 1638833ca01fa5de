// Events are kept by the month in which they were recorded. The partitions of coming months are made ahead, on any gateway.

import type { Database } from '../db/database.ts';
import { makeMonths } from './events.store.ts';

/** Three months are made ahead, so failing for days does no harm. */
const LOOK_MS = 3_600_000;

export class MonthsLoop {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Makes what is missing now, and looks every hour until `stop`. */
  start(): void {
    const look = (): void => {
      this.running = this.makeAhead().catch(this.onError);
    };
    look();
    this.timer = setInterval(look, LOOK_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running;
  }

  private async makeAhead(): Promise<void> {
    await this.database.inTransaction('system', makeMonths);
  }
}
