// The only place that reads the machine's clock. Everything else is handed a Clock, so tests and the demo seed move time
// by hand, and all gateways on one database agree because each corrects its clock to the database's.

export interface Clock {
  /** Epoch milliseconds, UTC. */
  nowMs(): number;
}

/** The machine's clock, shifted by its measured difference to the database's clock. */
export class SystemClock implements Clock {
  private offsetMs = 0;

  nowMs(): number {
    return Date.now() + this.offsetMs;
  }

  /** The uncorrected machine time, for measuring durations and the difference itself. */
  machineMs(): number {
    return Date.now();
  }

  /** @param offsetMs what to add to the machine's clock to get the database's */
  correctBy(offsetMs: number): void {
    this.offsetMs = Math.round(offsetMs);
  }
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  constructor(private atMs: number) {}

  nowMs(): number {
    return this.atMs;
  }

  /** @param atMs epoch milliseconds; may lie before the present position (tests of a clock that steps back) */
  moveTo(atMs: number): void {
    this.atMs = atMs;
  }

  moveBy(durationMs: number): void {
    this.atMs += durationMs;
  }
}
