// What an account must have been told, reckoned a second way: what was written and when, hosting as rate x elapsed time, and a
// bisection for the first millisecond by which a level is reached. Nothing here is of the engine.

const HOUR_MS = 3_600_000n;
/** Of the lot that a reversal makes. */
const RETURNED_PRIORITY = 100;
/** The order of what happens at one instant. */
const RANKS = ['EXPIRED', 'CYCLE', 'GRANTED'];

/** A level at or below which an alert is raised. */
export interface Level {
  readonly ruleId: number;
  readonly kind: string;
  readonly micro: bigint;
  /** A threshold fires as soon as it is reached, and once more when a cycle begins. A limit fires on the way down only. */
  readonly isThreshold: boolean;
}

/** Where alerts are raised, in the order in which they fire, and where what runs is stopped. */
export interface Levels {
  readonly levels: readonly Level[];
  readonly stopMicro: bigint;
}

/** Credits that were given. */
export interface Grant {
  readonly lotId: number;
  readonly micro: bigint;
  readonly priority: number;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
}

/**
 * What was written at an instant; at one instant, what time brings (`order` 0) comes first, then writes in the order of their commits.
 * Time brings only what was `known` before: since which commit.
 */
export type Written = { readonly atMs: number; readonly order: number; readonly known: number } & (
  | { readonly what: 'USED' | 'RETURNED'; readonly micro: bigint }
  | { readonly what: 'GRANTED'; readonly grant: Grant }
  | { readonly what: 'EXPIRED'; readonly lotId: number }
  | { readonly what: 'BEGUN'; readonly segment: Stretch }
  | { readonly what: 'POLICY'; readonly levels: Levels }
  | { readonly what: 'UNDEPLOYED' | 'CYCLE' | 'PLANNED' }
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

/** A grant, and what is left of it. */
type Lot = Grant & { leftMicro: bigint };

/** An account's life up to an instant. */
export class Reckoning {
  readonly told: Reckoned[] = [];
  /** When each stretch ended, by its id. */
  readonly ends = new Map<number, number>();
  /** When the stop level was reached while something ran. */
  readonly stops: number[] = [];
  /** What was left of credits when they expired. */
  readonly expired: { readonly atMs: number; readonly micro: bigint }[] = [];
  /** What is left of all lots, less debt and what ran and is paid. */
  private bookedMicro = 0n;
  private hasBegun = false;
  private wasBegun = false;
  private debtMicro = 0n;
  /** In the order in which they are spent. */
  private lots: Lot[] = [];
  /** What runs, and how much of it is paid. */
  private readonly running = new Map<Stretch, bigint>();
  private readonly reached = new Set<number>();
  /** Levels whose alert is open, the oldest first. */
  private readonly open = new Set<number>();

  constructor(
    private atMs: number,
    private at: Levels,
  ) {}

  /** @param onWritten told after each write, in their order, with its commit */
  live(
    written: readonly Written[],
    untilMs: number,
    onWritten: (order: number) => void = () => undefined,
  ): void {
    const inOrder = [...written].sort(compareWritten);
    const cycles = new Set(inOrder.filter(({ what }) => what === 'CYCLE').map(({ atMs }) => atMs));
    for (const [index, one] of inOrder.entries()) {
      const isAnew = one.atMs > this.atMs;
      if (isAnew) this.pass(one.atMs);
      // All that time brings at an instant is judged together, and before what is written then.
      if (isAnew && one.order > 0) this.judge(false);
      this.take(one);
      if (!areTogether(one, inOrder[index + 1]))
        this.judge(one.order === 0 && cycles.has(one.atMs));
      if (one.order > 0) onWritten(one.order);
    }
    this.pass(untilMs);
    this.judge(false);
  }

  /** The same up to here, to be lived on another way. */
  copy(): Reckoning {
    const copy = new Reckoning(this.atMs, this.at);
    const { bookedMicro, hasBegun, wasBegun, debtMicro } = this;
    Object.assign(copy, { bookedMicro, hasBegun, wasBegun, debtMicro });
    copy.lots = this.lots.map((lot) => ({ ...lot }));
    for (const [stretch, paidMicro] of this.running) copy.running.set(stretch, paidMicro);
    for (const ruleId of this.reached) copy.reached.add(ruleId);
    for (const ruleId of this.open) copy.open.add(ruleId);
    return copy;
  }

  /** Until when it has lived. */
  get nowMs(): number {
    return this.atMs;
  }

  get isRunning(): boolean {
    return this.running.size > 0;
  }

  balanceMicro(atMs = this.atMs): bigint {
    let micro = this.bookedMicro;
    for (const [stretch, paidMicro] of this.running) micro -= costMicro(stretch, atMs) - paidMicro;
    return micro;
  }

  private take(one: Written): void {
    switch (one.what) {
      case 'USED':
        this.spend(one.micro);
        break;
      case 'RETURNED':
        this.giveBack(one.micro);
        break;
      case 'GRANTED':
        this.grant(one.grant);
        break;
      case 'EXPIRED':
        this.expire(one.lotId);
        break;
      case 'BEGUN':
        this.running.set(one.segment, 0n);
        break;
      case 'UNDEPLOYED':
        this.endAll();
        break;
      case 'POLICY':
        this.at = one.levels;
        break;
      case 'CYCLE':
      case 'PLANNED':
        break;
    }
  }

  // ---- lots

  private spend(micro: bigint): void {
    this.bookedMicro -= micro;
    let restMicro = micro;
    for (const lot of this.lots) {
      if (restMicro === 0n) return;
      const partMicro = smaller(lot.leftMicro, restMicro);
      lot.leftMicro -= partMicro;
      restMicro -= partMicro;
    }
    this.debtMicro += restMicro;
  }

  /** What ran is paid from the lots that are there before they change. */
  private payHosting(): void {
    for (const [stretch, paidMicro] of this.running) {
      const cost = costMicro(stretch, this.atMs);
      this.spend(cost - paidMicro);
      this.running.set(stretch, cost);
    }
  }

  private grant(grant: Grant): void {
    this.payHosting();
    const paidMicro = smaller(this.debtMicro, grant.micro);
    this.debtMicro -= paidMicro;
    this.add({ ...grant, leftMicro: grant.micro - paidMicro });
    this.bookedMicro += grant.micro;
    this.hasBegun = true;
  }

  private giveBack(micro: bigint): void {
    this.payHosting();
    this.bookedMicro += micro;
    const paidMicro = smaller(this.debtMicro, micro);
    this.debtMicro -= paidMicro;
    let restMicro = micro - paidMicro;
    for (const lot of [...this.lots].reverse()) {
      const refillMicro = smaller(lot.micro - lot.leftMicro, restMicro);
      lot.leftMicro += refillMicro;
      restMicro -= refillMicro;
    }
    if (restMicro === 0n) return;
    const made = { lotId: Infinity, expiresAtMs: null, createdAtMs: this.atMs };
    this.add({ ...made, micro: restMicro, leftMicro: restMicro, priority: RETURNED_PRIORITY });
  }

  private expire(lotId: number): void {
    this.payHosting();
    const lot = this.lots.find((one) => one.lotId === lotId);
    if (lot === undefined) return;
    this.lots = this.lots.filter((one) => one !== lot);
    this.bookedMicro -= lot.leftMicro;
    this.expired.push({ atMs: this.atMs, micro: lot.leftMicro });
  }

  private add(lot: Lot): void {
    const expiry = ({ expiresAtMs }: Lot): number => expiresAtMs ?? Number.MAX_SAFE_INTEGER;
    this.lots.push(lot);
    this.lots.sort(
      (a, b) =>
        a.priority - b.priority ||
        expiry(a) - expiry(b) ||
        a.createdAtMs - b.createdAtMs ||
        a.lotId - b.lotId,
    );
  }

  // ---- levels

  private pass(untilMs: number): void {
    for (;;) {
      const highest = this.nextLevelMicro();
      if (highest === null || this.balanceMicro(untilMs) > highest) break;
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

  /** The highest level that what runs may reach; null: none. */
  private nextLevelMicro(): bigint | null {
    if (!this.hasBegun || !this.isRunning) return null;
    const balanceMicro = this.balanceMicro();
    let highest: bigint | null = null;
    for (const { micro } of this.at.levels) {
      if (micro < balanceMicro && (highest === null || micro > highest)) highest = micro;
    }
    return highest;
  }

  private judge(isCycle: boolean): void {
    const { hasBegun, wasBegun } = this;
    if (!hasBegun) return;
    this.wasBegun = true;
    this.stopIfDue();
    const balanceMicro = this.balanceMicro();
    this.resolve(balanceMicro);
    for (const level of this.at.levels) {
      const { ruleId } = level;
      if (balanceMicro > level.micro) {
        this.reached.delete(ruleId);
        continue;
      }
      const isNew = !this.reached.has(ruleId);
      this.reached.add(ruleId);
      if (level.isThreshold ? !isNew && !isCycle : !isNew || !wasBegun) continue;
      // The latest alert of a level is the open one.
      this.open.delete(ruleId);
      this.open.add(ruleId);
      this.tell(level.kind, level);
    }
  }

  private resolve(balanceMicro: bigint): void {
    for (const ruleId of [...this.open]) {
      const level = this.at.levels.find((one) => one.ruleId === ruleId);
      if (level === undefined || balanceMicro <= level.micro) continue;
      this.open.delete(ruleId);
      this.tell('RESOLVED', level);
    }
  }

  private stopIfDue(): void {
    if (!this.isRunning || this.balanceMicro() > this.at.stopMicro) return;
    this.stops.push(this.atMs);
    this.endAll();
  }

  private tell(kind: string, { ruleId }: Level): void {
    this.told.push({ kind, ruleId, atMs: this.atMs, remainingMicro: this.balanceMicro() });
  }

  private endAll(): void {
    this.payHosting();
    for (const { segmentId } of this.running.keys()) this.ends.set(segmentId, this.atMs);
    this.running.clear();
  }
}

function compareWritten(a: Written, b: Written): number {
  const [rankOfA, rankOfB] = [RANKS.indexOf(a.what), RANKS.indexOf(b.what)];
  return a.atMs - b.atMs || a.order - b.order || rankOfA - rankOfB;
}

/** Whether time brings both at one instant. */
function areTogether(one: Written, next: Written | undefined): boolean {
  return one.order === 0 && next?.order === 0 && next.atMs === one.atMs;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** What a stretch has cost by an instant: one floor. */
export function costMicro({ fromMs, microPerHour }: Stretch, atMs: number): bigint {
  return (microPerHour * BigInt(atMs - fromMs)) / HOUR_MS;
}
