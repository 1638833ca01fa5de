// The account's clock in the simplest way there is: time goes by millisecond after millisecond, and at each one everything is
// done in the order of the design and every threshold is judged from its definition. Looking ahead is a copy that goes on.

import { cycleStartMs, shiftCycleMs } from '../../../src/core/calendar.ts';

const HOUR = 3_600_000n;
const MILLION = 1_000_000n;
const TWO_WEEKS = 14 * 86_400_000;

export type Unit = 'CREDITS' | 'WORKFLOW_RUNS';
const UNITS = ['CREDITS', 'WORKFLOW_RUNS'] as const;

export interface TwinLot {
  readonly id: number;
  readonly unit: Unit;
  state: 'PENDING' | 'SPENDABLE' | 'EXPIRED' | 'VOIDED';
  readonly amount: bigint;
  spent: bigint;
  readonly priority: number;
  readonly from: number;
  to: number | null;
  readonly created: number;
  /** The first grant of its row. */
  readonly row: number | null;
  readonly isAdjustment: boolean;
}

export interface TwinSegment {
  readonly id: number;
  readonly resource: number;
  readonly hardware: number;
  readonly replicas: number;
  readonly rate: bigint;
  readonly from: number;
  posted: bigint;
}

export interface TwinAlertRule {
  readonly id: number;
  readonly measure:
    | 'CREDITS_REMAINING'
    | 'CREDITS_USED_PERCENT'
    | 'RUNS_USED_PERCENT'
    | 'HOURS_TO_STOP'
    | 'LOW_CREDIT'
    | 'ZERO'
    | 'NEGATIVE_LIMIT';
  readonly value: bigint;
  isReached: boolean;
  open: number | null;
  firedAt: number | null;
}

export interface TwinRate {
  readonly hardware: number;
  readonly from: number;
  readonly rate: bigint;
  readonly knownFrom: number;
}

interface Sums {
  carriedOver: bigint;
  allocated: bigint;
  used: bigint;
  expired: bigint;
  adjusted: bigint;
}

interface Account {
  at: number;
  zone: string;
  readonly cycleDay: number;
  cycle: { readonly start: number; readonly end: number };
  low: bigint;
  negativeLimit: bigint;
  lots: TwinLot[];
  readonly debt: Record<Unit, bigint>;
  /** Whether a first lot took effect, and whether it had when thresholds were judged last. */
  readonly hasBegun: Record<Unit, boolean>;
  wasJudged: Record<Unit, boolean>;
  readonly sums: Record<Unit, Sums>;
  running: TwinSegment[];
  requested: number[];
  rates: TwinRate[];
  alertRules: TwinAlertRule[];
  ledger: bigint;
  alerts: number;
  ids: number;
}

export interface TwinLine {
  readonly kind: string;
  readonly amount: bigint;
  readonly balance: bigint;
  readonly at: number;
}

export interface TwinAlert {
  readonly at: number;
  readonly sequence: number;
  readonly kind: string;
  readonly rule: number;
  readonly measured: bigint | null;
  readonly balance: bigint;
  readonly stopped: readonly number[];
  readonly resolves: number | null;
}

export interface TwinTurn {
  /** Charges of the segments of this resource that are corrected or end. */
  readonly charge: bigint;
  readonly ended: readonly number[];
  readonly begun: TwinSegment | null;
  readonly resource: number;
  readonly isRequested: boolean;
}

const KINDS = {
  CREDITS_REMAINING: 'CREDIT_THRESHOLD',
  CREDITS_USED_PERCENT: 'CREDIT_THRESHOLD',
  RUNS_USED_PERCENT: 'RUN_THRESHOLD',
  HOURS_TO_STOP: 'STOP_EXPECTED',
  LOW_CREDIT: 'LOW_CREDITS',
  ZERO: 'CREDITS_EXHAUSTED',
  NEGATIVE_LIMIT: 'NEGATIVE_LIMIT_REACHED',
} as const;

const FIRING_ORDER = [
  ['CREDITS_REMAINING'],
  ['CREDITS_USED_PERCENT', 'RUNS_USED_PERCENT'],
  ['HOURS_TO_STOP'],
  ['LOW_CREDIT'],
  ['ZERO'],
  ['NEGATIVE_LIMIT'],
];

export class CreditClock {
  readonly account: Account;
  readonly lines: TwinLine[] = [];
  readonly alerts: TwinAlert[] = [];
  readonly ended: (TwinSegment & { readonly to: number })[] = [];
  readonly closed: { readonly at: number; readonly closing: Record<Unit, bigint> }[] = [];
  /** Instants at which the negative limit stopped what ran or was requested. */
  readonly stops: number[] = [];

  constructor(account: Account) {
    this.account = account;
  }

  static of(
    begin: Pick<
      Account,
      'at' | 'zone' | 'cycleDay' | 'low' | 'negativeLimit' | 'rates' | 'alertRules'
    >,
  ): CreditClock {
    const start = cycleStartMs(begin.zone, begin.cycleDay, begin.at);
    const none = (): Sums => ({
      carriedOver: 0n,
      allocated: 0n,
      used: 0n,
      expired: 0n,
      adjusted: 0n,
    });
    return new CreditClock({
      ...structuredClone(begin),
      cycle: { start, end: endOfCycle(begin, start) },
      lots: [],
      debt: { CREDITS: 0n, WORKFLOW_RUNS: 0n },
      hasBegun: { CREDITS: false, WORKFLOW_RUNS: false },
      wasJudged: { CREDITS: false, WORKFLOW_RUNS: false },
      sums: { CREDITS: none(), WORKFLOW_RUNS: none() },
      running: [],
      requested: [],
      ledger: 0n,
      alerts: 0,
      ids: 0,
    });
  }

  // ---- what is

  /** C(t). */
  static cost(segment: Pick<TwinSegment, 'from' | 'replicas' | 'rate'>, at: number): bigint {
    return (BigInt(segment.replicas) * segment.rate * BigInt(at - segment.from)) / HOUR;
  }

  accrued(): bigint {
    return this.account.running
      .map((segment) => CreditClock.cost(segment, this.account.at) - segment.posted)
      .reduce((a, b) => a + b, 0n);
  }

  balance(unit: Unit): bigint {
    const lots = this.spendable(unit).reduce((sum, lot) => sum + lot.amount - lot.spent, 0n);
    return lots - this.account.debt[unit] - (unit === 'CREDITS' ? this.accrued() : 0n);
  }

  state(): 'OK' | 'LOW' | 'EXHAUSTED' | 'STOPPED' {
    const balance = this.balance('CREDITS');
    if (!this.account.hasBegun.CREDITS) return 'EXHAUSTED';
    if (balance <= this.account.negativeLimit) return 'STOPPED';
    if (balance <= 0n) return 'EXHAUSTED';
    return balance <= this.account.low ? 'LOW' : 'OK';
  }

  /** In the spending order. */
  spendable(unit: Unit): TwinLot[] {
    return inSpendingOrder(
      this.account.lots.filter((lot) => lot.unit === unit && lot.state === 'SPENDABLE'),
    );
  }

  /** When what runs will be stopped; null when it will not within `horizon` ms. */
  stopsAt(horizon: number): number | null {
    if (this.account.running.length === 0) return null;
    return this.firstAhead(horizon, (ahead) => ahead.stops.length > 0);
  }

  /** When the balance will be zero or less; null when it is, or will not within `horizon` ms. */
  exhaustsAt(horizon: number): number | null {
    if (this.balance('CREDITS') <= 0n) return null;
    return this.firstAhead(horizon, (ahead) => ahead.balance('CREDITS') <= 0n);
  }

  private firstAhead(horizon: number, isThere: (ahead: CreditClock) => boolean): number | null {
    const { at, rates } = this.account;
    const ahead = new CreditClock({
      ...structuredClone(this.account),
      rates: rates.filter((rate) => rate.knownFrom <= at),
      alertRules: [],
      requested: [],
    });
    while (ahead.account.at < at + horizon) {
      ahead.step(at + horizon);
      if (isThere(ahead)) return ahead.account.at;
    }
    return null;
  }

  // ---- what time brings

  walkTo(until: number): void {
    while (this.account.at < until) this.step(until);
  }

  /** One millisecond on; while nothing burns, to the next one for which anything is planned. */
  private step(until: number): void {
    const { account } = this;
    const planned = [
      account.cycle.end,
      ...account.lots.flatMap((lot) => [lot.from, lot.to ?? until]),
      ...account.rates.flatMap((rate) => [rate.from, rate.knownFrom]),
    ].filter((at) => at > account.at);
    // A stop can come near also while a rate of zero runs.
    const isForeseeing = account.alertRules.some(({ measure }) => measure === 'HOURS_TO_STOP');
    const isQuiet =
      account.running.length === 0 ||
      (!isForeseeing && account.running.every((segment) => segment.rate === 0n));
    account.at = isQuiet ? Math.min(until, ...planned) : account.at + 1;
    this.live();
  }

  private live(): void {
    const { account } = this;
    const { at } = account;
    const rates = account.rates.filter((rate) => rate.from === at);
    const cycleEnds = account.cycle.end === at;
    const changes = account.lots.some(
      (lot) =>
        lot.unit === 'CREDITS' &&
        ((lot.state === 'PENDING' && lot.from <= at) ||
          (lot.state === 'SPENDABLE' && lot.to === at)),
    );
    // 1. Hosting, from the lots that were spendable before.
    const onNewRate = (segment: TwinSegment): boolean =>
      rates.some((rate) => rate.hardware === segment.hardware);
    if (changes || cycleEnds) this.post();
    else this.post(onNewRate);
    // 2. Rates.
    for (const rate of rates) this.beginRate(rate);
    // 3. Expiries.
    const rows: TwinLot[] = [];
    for (const unit of UNITS) {
      for (const lot of this.spendable(unit).filter(({ to }) => to === at)) {
        this.expire(lot);
        if (lot.row !== null) rows.push(lot);
      }
    }
    // 4. The cycle's end.
    if (cycleEnds) this.endCycle();
    // 5. Grants.
    for (const lot of rows) this.repeat(lot);
    this.grantDue();
    // 6. Judgement.
    this.evaluate(cycleEnds);
  }

  private beginRate(to: Pick<TwinRate, 'hardware' | 'rate'>): void {
    const { account } = this;
    for (const segment of account.running.filter(({ hardware }) => hardware === to.hardware)) {
      this.end(segment);
      account.running.push({
        ...segment,
        id: this.nextId(),
        rate: to.rate,
        from: account.at,
        posted: 0n,
      });
    }
  }

  private end(segment: TwinSegment): void {
    this.account.running = this.account.running.filter(({ id }) => id !== segment.id);
    this.ended.push({ ...segment, to: this.account.at });
  }

  private expire(lot: TwinLot): void {
    const left = lot.amount - lot.spent;
    lot.state = 'EXPIRED';
    this.account.sums[lot.unit].expired += left;
    this.book(lot.unit, 'EXPIRY', -left);
  }

  private endCycle(): void {
    const { account } = this;
    const closing = {
      CREDITS: this.closing('CREDITS'),
      WORKFLOW_RUNS: this.closing('WORKFLOW_RUNS'),
    };
    this.lines.push({ kind: 'CARRY_OVER', amount: 0n, balance: account.ledger, at: account.at });
    this.closed.push({ at: account.at, closing });
    for (const unit of UNITS) {
      account.sums[unit] = {
        carriedOver: closing[unit],
        allocated: 0n,
        used: 0n,
        expired: 0n,
        adjusted: 0n,
      };
    }
    account.cycle = { start: account.at, end: endOfCycle(account, account.at) };
  }

  closing(unit: Unit): bigint {
    const { carriedOver, allocated, used, expired, adjusted } = this.account.sums[unit];
    return carriedOver + allocated - used - expired + adjusted;
  }

  /** The next one of a recurring grant, for the cycle that begins. */
  private repeat(lot: TwinLot): void {
    const { at, cycle } = this.account;
    this.account.lots.push({
      ...lot,
      id: this.nextId(),
      state: 'PENDING',
      spent: 0n,
      from: at,
      to: cycle.end,
      created: at,
    });
  }

  private grantDue(): void {
    const { account } = this;
    const due = account.lots.filter((lot) => lot.state === 'PENDING' && lot.from <= account.at);
    for (const lot of inSpendingOrder(due)) this.grant(lot);
  }

  private grant(lot: TwinLot): void {
    const { account } = this;
    lot.state = 'SPENDABLE';
    if (lot.row !== null) lot.to = account.cycle.end;
    account.hasBegun[lot.unit] = true;
    this.payDebt(lot);
    if (lot.isAdjustment) account.sums[lot.unit].adjusted += lot.amount;
    else account.sums[lot.unit].allocated += lot.amount;
    this.book(lot.unit, lot.isAdjustment ? 'ADJUSTMENT' : 'ALLOCATION', lot.amount);
  }

  private payDebt(lot: TwinLot): void {
    const { debt } = this.account;
    lot.spent = least(debt[lot.unit], lot.amount);
    debt[lot.unit] -= lot.spent;
  }

  // ---- what is written

  recordUsage(charge: Record<Unit, bigint>): void {
    for (const unit of UNITS) this.charge(unit, 'USAGE', charge[unit]);
    this.evaluate();
  }

  reverseUsage(charge: Record<Unit, bigint>): void {
    if (charge.CREDITS > 0n) this.post();
    for (const unit of UNITS) this.giveBack(unit, charge[unit]);
    this.evaluate();
  }

  allocate(lot: TwinLot): void {
    this.account.lots.push(lot);
    if (lot.unit === 'CREDITS' && lot.from <= this.account.at) this.post();
    this.grantDue();
    this.evaluate();
  }

  voidLot(id: number): void {
    for (const lot of this.account.lots.filter((each) => each.id === id)) {
      if (lot.state === 'SPENDABLE') {
        if (lot.unit === 'CREDITS') this.post();
        const left = lot.amount - lot.spent;
        this.account.sums[lot.unit].adjusted -= left;
        this.book(lot.unit, 'VOID', -left);
      }
      if (lot.state === 'SPENDABLE' || lot.state === 'PENDING') lot.state = 'VOIDED';
    }
    this.evaluate();
  }

  takeAdjustment(amount: bigint): void {
    this.spend('CREDITS', amount);
    this.account.sums.CREDITS.adjusted -= amount;
    this.book('CREDITS', 'ADJUSTMENT', -amount);
    this.evaluate();
  }

  setPolicy(low: bigint, negativeLimit: bigint): void {
    Object.assign(this.account, { low, negativeLimit });
    this.evaluate();
  }

  addAlertRule(rule: TwinAlertRule): void {
    this.account.alertRules.push({ ...rule });
    this.evaluate();
  }

  removeAlertRule(id: number): void {
    this.account.alertRules = this.account.alertRules.filter((rule) => rule.id !== id);
    this.evaluate();
  }

  turn(turn: TwinTurn): void {
    const { account } = this;
    account.running = account.running.filter(({ id }) => !turn.ended.includes(id));
    if (turn.begun !== null) account.running.push({ ...turn.begun });
    if (turn.charge < 0n) {
      this.post();
      this.giveBack('CREDITS', -turn.charge);
    } else this.charge('CREDITS', 'USAGE', turn.charge);
    account.requested = account.requested.filter((resource) => resource !== turn.resource);
    if (turn.isRequested) account.requested.push(turn.resource);
    this.evaluate();
  }

  setRates(rates: readonly TwinRate[]): void {
    const { account } = this;
    account.rates = [...rates];
    const inForce = (hardware: number): TwinRate | undefined =>
      rates
        .filter((rate) => rate.hardware === hardware && rate.from <= account.at)
        .sort((a, b) => b.from - a.from)[0];
    const changed = account.running
      .map(({ hardware, rate }) => ({ was: rate, is: inForce(hardware) }))
      .flatMap(({ was, is }) => (is === undefined || is.rate === was ? [] : [is]));
    this.post((segment) => changed.some(({ hardware }) => hardware === segment.hardware));
    for (const rate of new Set(changed)) this.beginRate(rate);
    this.evaluate();
  }

  setZone(zone: string): void {
    this.account.zone = zone;
  }

  nextId(): number {
    this.account.ids += 1;
    return this.account.ids;
  }

  // ---- money

  /** Takes what hosting has accrued to the ledger. */
  private post(which: (segment: TwinSegment) => boolean = () => true): void {
    let sum = 0n;
    for (const segment of this.account.running.filter(which)) {
      const cost = CreditClock.cost(segment, this.account.at);
      sum += cost - segment.posted;
      segment.posted = cost;
    }
    this.charge('CREDITS', 'USAGE', sum);
  }

  private charge(unit: Unit, kind: string, amount: bigint): void {
    this.spend(unit, amount);
    this.account.sums[unit].used += amount;
    this.book(unit, kind, -amount);
  }

  private spend(unit: Unit, amount: bigint): void {
    let rest = amount;
    for (const lot of this.spendable(unit)) {
      const taken = least(rest, lot.amount - lot.spent);
      lot.spent += taken;
      rest -= taken;
    }
    this.account.debt[unit] += rest;
  }

  private giveBack(unit: Unit, amount: bigint): void {
    const { account } = this;
    account.sums[unit].used -= amount;
    this.book(unit, 'REVERSAL', amount);
    const paid = least(amount, account.debt[unit]);
    account.debt[unit] -= paid;
    let rest = amount - paid;
    for (const lot of this.spendable(unit).reverse()) {
      const refilled = least(rest, lot.spent);
      lot.spent -= refilled;
      rest -= refilled;
    }
    if (rest === 0n) return;
    account.hasBegun[unit] = true;
    account.lots.push(this.adjustmentLot(unit, rest, this.nextId(), 'SPENDABLE'));
  }

  /** A lot as adjustments make them. */
  adjustmentLot(unit: Unit, amount: bigint, id: number, state: TwinLot['state']): TwinLot {
    const { at } = this.account;
    const facts = { priority: 100, from: at, to: null, created: at, row: null, isAdjustment: true };
    return { id, unit, state, amount, spent: 0n, ...facts };
  }

  private book(unit: Unit, kind: string, amount: bigint): void {
    const { account } = this;
    if (unit !== 'CREDITS' || amount === 0n) return;
    account.ledger += amount;
    this.lines.push({ kind, amount, balance: account.ledger, at: account.at });
  }

  // ---- judgement

  private evaluate(cycleBegins = false): void {
    const { account } = this;
    const stopped = this.state() === 'STOPPED' ? this.stop() : [];
    // Limits need a crossing after the first lot took effect.
    const isFirst = account.hasBegun.CREDITS && !account.wasJudged.CREDITS;
    const judged = account.alertRules
      .filter((rule) => this.isJudged(rule))
      .map((rule) => ({ rule, was: rule.isReached, is: this.isReached(rule) }));
    for (const { rule, is } of judged) rule.isReached = is;
    const fires = ({ rule, was, is }: (typeof judged)[number]): boolean =>
      isLimit(rule) ? is && !was && !isFirst : is && (!was || cycleBegins);
    const fired = judged.filter(fires).map(({ rule }) => rule);
    const resolved = judged.filter(({ was, is }) => was && !is).map(({ rule }) => rule);
    account.wasJudged = { ...account.hasBegun };

    this.resolve(resolved);
    for (const rule of fired.sort(inFiringOrder)) {
      const ofStop = rule.measure === 'NEGATIVE_LIMIT' ? stopped : [];
      this.alert(rule, { kind: KINDS[rule.measure], resolves: null, stopped: ofStop });
      rule.open = account.alerts;
      rule.firedAt = account.at;
    }
  }

  /** The oldest alert first. */
  private resolve(alertRules: readonly TwinAlertRule[]): void {
    const open = alertRules.filter((rule) => rule.open !== null);
    for (const rule of open.sort((a, b) => Number(a.open) - Number(b.open))) {
      this.alert(rule, { kind: 'RESOLVED', resolves: rule.open, stopped: [] });
      rule.open = null;
    }
  }

  private stop(): readonly number[] {
    const { account } = this;
    const stopped = [...account.running.map(({ resource }) => resource), ...account.requested];
    if (stopped.length === 0) return stopped;
    this.post();
    for (const segment of [...account.running]) this.end(segment);
    account.requested = [];
    this.stops.push(account.at);
    return stopped.sort((a, b) => a - b);
  }

  private isJudged({ measure }: TwinAlertRule): boolean {
    if (measure === 'RUNS_USED_PERCENT') return this.account.hasBegun.WORKFLOW_RUNS;
    if (measure === 'HOURS_TO_STOP' && this.state() === 'STOPPED') return false;
    return this.account.hasBegun.CREDITS;
  }

  private isReached({ measure, value }: TwinAlertRule): boolean {
    const balance = this.balance('CREDITS');
    switch (measure) {
      case 'CREDITS_REMAINING':
        return balance <= value;
      case 'LOW_CREDIT':
        return balance <= this.account.low;
      case 'ZERO':
        return balance <= 0n;
      case 'NEGATIVE_LIMIT':
        return balance <= this.account.negativeLimit;
      case 'CREDITS_USED_PERCENT':
        return this.isPercentReached('CREDITS', value);
      case 'RUNS_USED_PERCENT':
        return this.isPercentReached('WORKFLOW_RUNS', value);
      case 'HOURS_TO_STOP':
        // A stop within `value` millionths of an hour.
        return this.stopsAt(Number((value * HOUR) / MILLION)) !== null;
    }
  }

  /** What the cycle has to spend, and what was used of it. */
  ofCycle(unit: Unit): { readonly allocated: bigint; readonly used: bigint } {
    const { carriedOver, allocated, used, expired, adjusted } = this.account.sums[unit];
    return {
      allocated: carriedOver + allocated - expired + adjusted,
      used: used + (unit === 'CREDITS' ? this.accrued() : 0n),
    };
  }

  private isPercentReached(unit: Unit, percent: bigint): boolean {
    const { allocated, used } = this.ofCycle(unit);
    if (allocated <= 0n) return this.balance(unit) < 0n;
    return used * 100n * MILLION >= percent * allocated;
  }

  private measured({ measure }: TwinAlertRule): bigint | null {
    if (measure === 'CREDITS_REMAINING') return this.balance('CREDITS');
    if (measure === 'HOURS_TO_STOP') {
      const stopsAt = this.stopsAt(HORIZON_MS);
      return stopsAt === null ? null : halfUp(BigInt(stopsAt - this.account.at) * MILLION, HOUR);
    }
    if (measure !== 'CREDITS_USED_PERCENT' && measure !== 'RUNS_USED_PERCENT') return null;
    const { allocated, used } = this.ofCycle(
      measure === 'CREDITS_USED_PERCENT' ? 'CREDITS' : 'WORKFLOW_RUNS',
    );
    return allocated <= 0n ? null : halfUp(100n * used * MILLION, allocated);
  }

  private alert(rule: TwinAlertRule, what: Pick<TwinAlert, 'kind' | 'resolves' | 'stopped'>): void {
    this.account.alerts += 1;
    this.alerts.push({
      ...what,
      at: this.account.at,
      sequence: this.account.alerts,
      rule: rule.id,
      measured: this.measured(rule),
      balance: this.balance('CREDITS'),
    });
  }
}

/** How far a stop is looked for when a threshold's measure is told. */
export const HORIZON_MS = 1_000;

/** The calendar's first boundary that is two weeks or more away (nearer ones come only of a change of zone). */
function endOfCycle(
  { zone, cycleDay }: { readonly zone: string; readonly cycleDay: number },
  start: number,
): number {
  let end = start;
  while (end < start + TWO_WEEKS) {
    const before = cycleStartMs(zone, cycleDay, end);
    end = shiftCycleMs(zone, cycleDay, { startMs: before, cycles: 1 });
  }
  return end;
}

function isLimit({ measure }: TwinAlertRule): boolean {
  return measure === 'LOW_CREDIT' || measure === 'ZERO' || measure === 'NEGATIVE_LIMIT';
}

function inSpendingOrder(lots: readonly TwinLot[]): TwinLot[] {
  const never = Number.MAX_SAFE_INTEGER;
  return [...lots].sort(
    (a, b) =>
      a.priority - b.priority ||
      (a.to ?? never) - (b.to ?? never) ||
      a.created - b.created ||
      a.id - b.id,
  );
}

function inFiringOrder(a: TwinAlertRule, b: TwinAlertRule): number {
  const place = ({ measure }: TwinAlertRule): number =>
    FIRING_ORDER.findIndex((measures) => measures.includes(measure));
  const byValue = a.measure === 'CREDITS_REMAINING' ? b.value - a.value : a.value - b.value;
  const isByValue = place(a) < 2;
  return place(a) - place(b) || (isByValue ? Number(byValue) : 0) || a.id - b.id;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function halfUp(dividend: bigint, divisor: bigint): bigint {
  const doubled = 2n * dividend + divisor;
  const quotient = doubled / (2n * divisor);
  return doubled < 0n && doubled % (2n * divisor) !== 0n ? quotient - 1n : quotient;
}
