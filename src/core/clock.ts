// The only place that asks the machine what time it is. Everything else is handed a Clock, so tests and the demo seed move time
// by hand, and all gateways on one database agree because each goes by the database's clock. (Elsewhere `performance.now()`
// measures how long something takes.)

export interface Clock {
  /** Epoch milliseconds, UTC. */
  nowMs(): number;
}

/** How a machine measures time. */
export interface MachineTime {
  /** Its wall clock, epoch ms, which may be set at any moment. */
  wallMs(): number;
  /** How much time has passed since some fixed instant. Nobody can set it. Time that the machine slept may be missing. */
  passedMs(): number;
}

const THIS_MACHINE: MachineTime = { wallMs: () => Date.now(), passedMs: () => performance.now() };

/** The database's answer when it was asked for the time. */
export interface DatabaseTime {
  /** `passedMs()` when the database was asked. */
  readonly askedMs: number;
  /** The time on its clock, epoch ms. */
  readonly databaseMs: number;
  /** How long the machine has been up, sleep included, to within about ten milliseconds. */
  readonly upMs: number;
}

/** How much the gateway's own count may be sped up or slowed down to approach the database's: more than crystals drift. */
const SLEW = 1 / 1_000;
/** Smaller differences between the two counts of passed time are only lack of precision. */
const SLEEP_FROM_MS = 1_000;

/**
 * The gateway's time: the earlier of the database's clock and the gateway's own count of the time that has passed since it
 * first asked the database. Nobody can set that count, so a step of the machine's wall clock moves nothing, and one of the
 * database's clock can only make this time stand still until the two agree again. It never goes back.
 *
 * Until it is asked to follow a database it counts from the wall clock as it was when the clock was made.
 */
export class SystemClock implements Clock {
  /** Added to the passed time: the first gives the gateway's own count, the second the database's clock. */
  private ownOffsetMs: number;
  private databaseOffsetMs: number;
  private latestMs = -Infinity;
  private followed: { readonly passedMs: number; readonly sleptMs: number } | null = null;

  constructor(private readonly machine: MachineTime = THIS_MACHINE) {
    this.ownOffsetMs = machine.wallMs() - machine.passedMs();
    this.databaseOffsetMs = this.ownOffsetMs;
  }

  nowMs(): number {
    const offsetMs = Math.min(this.ownOffsetMs, this.databaseOffsetMs);
    this.latestMs = Math.max(this.latestMs, Math.floor(this.machine.passedMs() + offsetMs));
    return this.latestMs;
  }

  /** For measuring durations. */
  passedMs(): number {
    return this.machine.passedMs();
  }

  /**
   * Takes in a reading of the database's clock. The own count begins at the first one.
   * @returns by how many ms the database's clock is ahead of the own count; below zero: behind it
   */
  follow(heard: DatabaseTime): number {
    const passedMs = this.machine.passedMs();
    const sleptMs = heard.upMs - passedMs;
    // The database read its clock between the question and the answer. No more than this is certain.
    const earliestMs = heard.databaseMs - passedMs;
    const latestMs = heard.databaseMs - heard.askedMs;
    if (this.followed === null) {
      this.ownOffsetMs = earliestMs;
      this.databaseOffsetMs = earliestMs;
      this.latestMs = -Infinity;
    } else {
      this.databaseOffsetMs = within(this.databaseOffsetMs, earliestMs, latestMs);
      const newlySleptMs = sleptMs - this.followed.sleptMs;
      if (newlySleptMs >= SLEEP_FROM_MS) this.ownOffsetMs += newlySleptMs;
      const slewMs = (passedMs - this.followed.passedMs) * SLEW;
      this.ownOffsetMs = within(
        this.databaseOffsetMs,
        this.ownOffsetMs - slewMs,
        this.ownOffsetMs + slewMs,
      );
    }
    this.followed = { passedMs, sleptMs };
    return this.databaseOffsetMs - this.ownOffsetMs;
  }
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
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
