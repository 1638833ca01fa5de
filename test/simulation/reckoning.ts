// What an account must have been told, reckoned a second way: what was written and when, hosting as rate x elapsed time, and a
// bisection for the first millisecond by which a level is reached. Nothing here is of the engine.

const HOUR_MS = 3_600_000n;

/** A level at or below which an alert is raised. */
export interface Level {
  readonly ruleId: number;
  readonly kind: string;
  readonly micro: bigint;
  /** A threshold fires as soon as it is reached, and once more when a cycle begins. A limit fires on the way down only. */
  readonly isThreshold: boolean;
}

/** What was written at an instant; at one instant, what time brings (`order` 0) comes first, then writes in the order of their commits. */
export type Written = { readonly atMs: number; readonly order: number } & (
  | { readonly what: 'BOOKED'; readonly micro: bigint; readonly isLot: boolean }
  | { readonly what: 'BEGUN'; readonly segment: Stretch }
  | { readonly what: 'UNDEPLOYED' | 'CYCLE' }
);

/** A stretch of hosting. */
export interface Stretch {
  readonly segmentId: number;
  readonly fromMs: number;
  readonly microPerHour: bigint;
}

/** What is told. */
export interface Reckoned {
  readonly kind: string;
  readonly ruleId: number;
  readonly atMs: number;
  readonly remainingMicro: bigint;
}

/** An account's life up to an instant. */
export class Reckoning {
  readonly told: Reckoned[] = [];
  /** When each stretch ended, by its id. */
  readonly ends = new Map<number, number>();
  /** When the stop level was reached while something ran. */
  readonly stops: number[] = [];
  private atMs: number;
  private bookedMicro = 0n;
  private hasBegun = false;
  private wasBegun = false;
  private readonly running = new Set<Stretch>();
  private readonly reached = new Set<Level>();
  /** Levels whose alert is open, the oldest first. */
  private readonly open = new Set<Level>();

  /** @param levels the order in which they fire */
  constructor(
    fromMs: number,
    private readonly levels: readonly Level[],
    private readonly stopMicro: bigint,
  ) {
    this.atMs = fromMs;
  }

  live(written: readonly Written[], untilMs: number): void {
    const inOrder = [...written].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const cycles = new Set(inOrder.filter(({ what }) => what === 'CYCLE').map(({ atMs }) => atMs));
    for (const [index, one] of inOrder.entries()) {
      const isAnew = one.atMs > this.atMs;
      if (isAnew) this.pass(one.atMs);
      // All that time brings at an instant is judged together, and before what is written then.
      if (isAnew && one.order > 0) this.judge(false);
      this.take(one);
      const next = inOrder[index + 1];
      const isTogether = one.order === 0 && next?.atMs === one.atMs && next.order === 0;
      if (!isTogether) this.judge(one.order === 0 && cycles.has(one.atMs));
    }
    this.pass(untilMs);
    this.judge(false);
  }

  balanceMicro(atMs = this.atMs): bigint {
    let micro = this.bookedMicro;
    for (const stretch of this.running) micro -= costMicro(stretch, atMs);
    return micro;
  }

  private take(one: Written): void {
    switch (one.what) {
      case 'BOOKED':
        this.bookedMicro += one.micro;
        this.hasBegun ||= one.isLot;
        break;
      case 'BEGUN':
        this.running.add(one.segment);
        break;
      case 'UNDEPLOYED':
        this.endAll();
        break;
      case 'CYCLE':
        break;
    }
  }

  private pass(untilMs: number): void {
    for (;;) {
      const below = this.levels
        .map(({ micro }) => micro)
        .filter((micro) => this.hasBegun && micro < this.balanceMicro());
      const [highest] = below.sort((a, b) => (a > b ? -1 : 1));
      if (highest === undefined || this.balanceMicro(untilMs) > highest) break;
      let [lowMs, highMs] = [this.atMs, untilMs];
      while (highMs - lowMs > 1) {
        const middleMs = Math.floor((lowMs + highMs) / 2);
        if (this.balanceMicro(middleMs) <= highest) highMs = middleMs;
        else lowMs = middleMs;
      }
      if (highMs === untilMs) break;
      this.atMs = highMs;
      this.judge(false);
    }
    this.atMs = untilMs;
  }

  private judge(isCycle: boolean): void {
    const { hasBegun, wasBegun } = this;
    if (!hasBegun) return;
    this.wasBegun = true;
    this.stopIfDue();
    const balanceMicro = this.balanceMicro();
    for (const level of [...this.open].filter(({ micro }) => balanceMicro > micro)) {
      this.open.delete(level);
      this.tell('RESOLVED', level);
    }
    for (const level of this.levels) {
      if (balanceMicro > level.micro) {
        this.reached.delete(level);
        continue;
      }
      const isNew = !this.reached.has(level);
      this.reached.add(level);
      if (level.isThreshold ? !isNew && !isCycle : !isNew || !wasBegun) continue;
      // The latest alert of a level is the open one.
      this.open.delete(level);
      this.open.add(level);
      this.tell(level.kind, level);
    }
  }

  private stopIfDue(): void {
    if (this.running.size === 0 || this.balanceMicro() > this.stopMicro) return;
    this.stops.push(this.atMs);
    this.endAll();
  }

  private tell(kind: string, { ruleId }: Level): void {
    this.told.push({ kind, ruleId, atMs: this.atMs, remainingMicro: this.balanceMicro() });
  }

  private endAll(): void {
    for (const stretch of this.running) {
      this.bookedMicro -= costMicro(stretch, this.atMs);
      this.ends.set(stretch.segmentId, this.atMs);
    }
    this.running.clear();
  }
}

/** What a stretch has cost by an instant: one floor. */
export function costMicro({ fromMs, microPerHour }: Stretch, atMs: number): bigint {
  return (microPerHour * BigInt(atMs - fromMs)) / HOUR_MS;
}
