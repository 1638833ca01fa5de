// Lets a plan happen on the clock under test. What the steps come to (which lot is voided, what a late end gives back)
// is written down as plain writes, so that the same writes can be given to it again with the time cut otherwise, and to the
// reference.

import { rateAt } from '../../src/catalogue/rates.ts';
import type { AllocationUnit } from '../../src/engine/lots.ts';
import { type RunningSegment, runningSegment } from '../../src/engine/burn.ts';
import { advance } from '../../src/engine/clock.ts';
import { cycleEndMs, firstCycle } from '../../src/account/cycle.ts';
import type { Draft, EndedSegment, MadeLot } from '../../src/engine/draft.ts';
import type { LedgerLine } from '../../src/engine/ledger.ts';
import {
  balanceOf,
  type Lot,
  NOTHING,
  type UsedUpLots,
  type Wallet,
} from '../../src/engine/lots.ts';
import type { CreditEvent } from '../../src/engine/credit-event.ts';
import type { CreditPolicy } from '../../src/engine/limits.ts';
import type { AccountState, KnownRate } from '../../src/engine/state.ts';
import type { AlertRule } from '../../src/engine/alert-rules.ts';
import {
  addAlertRule,
  adjustUp,
  allocate,
  applyRates,
  givesBack,
  type HostingChange,
  recordUsage,
  removeAlertRule,
  reverseUsage,
  setPolicy,
  takeAdjustment,
  applyHostingChange,
  voidLot,
} from '../../src/engine/writes.ts';
import { chargedMicro } from '../../src/hosting/charge.ts';
import type { CreditPlan, Gap, PlannedAlertRule, PlannedWrite } from './credit-plans.ts';

const MS_PER_HOUR = 3_600_000;
const RUN_MICRO = 1_000_000n;
const NO_EVENTS = { firstSeq: 1, lastSeq: 1 };
/** Longer than that nothing may burn from one step to the next: the reference goes millisecond by millisecond. */
const LONGEST_BURN_MS = 150;

/** A write as it is given to the clock. */
export type Write = { readonly atMs: number } & (
  | {
      readonly what: 'usage' | 'reverse';
      readonly creditsMicro: bigint;
      readonly runsMicro: bigint;
    }
  | { readonly what: 'allocate'; readonly unit: AllocationUnit; readonly lot: Lot }
  | { readonly what: 'void'; readonly unit: AllocationUnit; readonly allocationId: number }
  | { readonly what: 'adjustUp'; readonly lot: Lot }
  | { readonly what: 'adjustDown'; readonly amountMicro: bigint }
  | { readonly what: 'policy'; readonly policy: CreditPolicy }
  | { readonly what: 'rule'; readonly rule: AlertRule }
  | { readonly what: 'unwatch'; readonly ruleId: number }
  | { readonly what: 'turn'; readonly turn: HostingChange }
  | { readonly what: 'rates'; readonly rates: readonly KnownRate[] }
  | { readonly what: 'zone'; readonly timeZone: string }
  | { readonly what: 'nothing' }
);

/** An account's credits with all that happened to them. */
export class Account {
  readonly lines: LedgerLine[] = [];
  readonly creditEvents: CreditEvent[] = [];
  readonly ended: EndedSegment[] = [];
  readonly made: MadeLot[] = [];
  /** Lots that are over, by id: the store does not read them again. */
  over: readonly Lot[] = [];
  /** Lots that are used up, by id: the store reads them for what gives a charge back alone. */
  usedUp: UsedUpLots = { CREDITS: [], WORKFLOW_RUNS: [] };

  constructor(public state: AccountState) {}

  /** Lets time pass and keeps what came of it, as one transaction does. */
  settle(atMs: number, write: (draft: Draft) => void = () => undefined): void {
    const draft = advance(this.state, atMs);
    write(draft);
    draft.check({ balanceMicro: balanceOf(this.state.credits) });
    this.lines.push(...draft.lines);
    this.creditEvents.push(...draft.creditEvents);
    this.ended.push(...draft.ended);
    this.made.push(...draft.made);
    const { credits, runs } = draft.state;
    this.over = [...this.over, ...[...credits.lots, ...runs.lots].filter(isOver)].sort(
      (a, b) => a.allocationId - b.allocationId,
    );
    this.usedUp = {
      CREDITS: usedUpAfter(this.usedUp.CREDITS, credits),
      WORKFLOW_RUNS: usedUpAfter(this.usedUp.WORKFLOW_RUNS, runs),
    };
    this.state = { ...draft.state, credits: asRead(credits), runs: asRead(runs) };
  }

  take(write: Write): void {
    this.settle(write.atMs, (draft) => {
      happen(draft, write, this);
    });
  }

  /** The lots of a unit that are pending or spendable, those that are used up among them, by id. */
  lotsOf(unit: AllocationUnit): readonly Lot[] {
    const wallet = unit === 'CREDITS' ? this.state.credits : this.state.runs;
    return [...this.usedUp[unit], ...wallet.lots].sort((a, b) => a.allocationId - b.allocationId);
  }
}

function isOver(lot: Lot): boolean {
  return lot.state === 'EXPIRED' || lot.state === 'VOIDED';
}

function isUsedUp(lot: Lot): boolean {
  return (
    lot.state === 'SPENDABLE' && lot.spentMicro === lot.amountMicro && lot.expiresAtMs === null
  );
}

/** The wallet that the store reads after this one was stored. */
function asRead(wallet: Wallet): Wallet {
  return { ...wallet, lots: wallet.lots.filter((lot) => !isOver(lot) && !isUsedUp(lot)) };
}

/** The used-up lots after a wallet was stored. */
function usedUpAfter(before: readonly Lot[], { lots }: Wallet): readonly Lot[] {
  const stored = new Set(lots.map(({ allocationId }) => allocationId));
  return [
    ...before.filter(({ allocationId }) => !stored.has(allocationId)),
    ...lots.filter(isUsedUp),
  ].sort((a, b) => a.allocationId - b.allocationId);
}

// eslint-disable-next-line complexity -- one line for each kind of write
function happen(draft: Draft, write: Write, stored: Account): void {
  switch (write.what) {
    case 'usage':
      recordUsage(draft, { ...write, events: NO_EVENTS, items: [] });
      return;
    case 'reverse':
      reverseUsage(draft, { ...write, events: NO_EVENTS, items: [] }, stored.usedUp);
      return;
    case 'allocate':
      draft.takeLocalId();
      allocate(draft, write.unit, write.lot);
      return;
    case 'void': {
      const { unit, allocationId } = write;
      const lots = [...draft.wallet(unit).lots, ...stored.usedUp[unit]];
      const lot = lots.find((one) => one.allocationId === allocationId);
      if (lot !== undefined) voidLot(draft, unit, lot);
      return;
    }
    case 'adjustUp':
      draft.takeLocalId();
      adjustUp(draft, write.lot, 'Up');
      return;
    case 'adjustDown':
      takeAdjustment(draft, write.amountMicro, 'Down');
      return;
    case 'policy':
      setPolicy(draft, write.policy);
      return;
    case 'rule':
      addAlertRule(draft, write.rule);
      return;
    case 'unwatch':
      removeAlertRule(draft, write.ruleId);
      return;
    case 'turn':
      if (write.turn.begun !== null) draft.takeLocalId();
      applyHostingChange(draft, write.turn, givesBack(write.turn) ? stored.usedUp : null);
      return;
    case 'rates':
      draft.set({ rates: write.rates });
      applyRates(draft);
      return;
    case 'zone':
      draft.set({ timeZone: write.timeZone });
      return;
    case 'nothing':
      return;
  }
}

const emptyWallet: Wallet = { lots: [], debtMicro: 0n, hasBegun: false, cycle: NOTHING };

/** An account at its begin, with alert rules 1 to 3 for its limits. */
export function newAccount(
  begin: Pick<AccountState, 'atMs' | 'timeZone' | 'cycleDay' | 'policy' | 'rates' | 'alertRules'>,
): AccountState {
  const cycle = firstCycle(begin, begin.atMs);
  const limits = (['LOW_CREDIT', 'ZERO', 'NEGATIVE_LIMIT'] as const).map((measure, index) =>
    anAlertRule({ ruleId: index + 1, measure }),
  );
  return {
    ...begin,
    accountId: 1,
    isTest: false,
    closedAtMs: null,
    creditsFromMs: begin.atMs,
    cycle: { cycleId: 1, startMs: cycle.fromMs, endMs: cycle.toMs },
    credits: emptyWallet,
    runs: emptyWallet,
    running: [],
    requestedResourceIds: [],
    alertRules: [...limits, ...begin.alertRules],
    lastLedgerSequence: 0,
    lastLedgerHash: '',
    lastAlertSequence: 0,
    lastLocalId: 0,
  };
}

/** An account of a plan at its begin. @param stretch how many milliseconds one of the plan is */
export function accountOf(plan: CreditPlan, stretch = 1): AccountState {
  const atMs = plan.boundaryMs - plan.beforeMs * stretch;
  const { zone: timeZone, cycleDay, unitMicro } = plan;
  const rates = plan.rates.map((rate) => ({
    hardwareId: rate.hardware,
    fromMs: atMs + rate.inMs * stretch,
    rateMicroPerHour: rateOf(plan, rate.burn, stretch),
    knownFromMs: atMs + (rate.inMs - rate.aheadMs) * stretch,
  }));
  return newAccount({
    atMs,
    timeZone,
    cycleDay,
    policy: {
      lowCreditMicro: BigInt(plan.low) * unitMicro,
      negativeLimitMicro: BigInt(plan.negative) * unitMicro,
      fineTuningMinimumMicro: 0n,
    },
    rates: withoutDoubles(rates),
    alertRules: plan.alertRules.map((rule, index) =>
      anAlertRule({ ruleId: index + 4, ...valueOf(plan, rule, stretch) }),
    ),
  });
}

export function anAlertRule(
  values: Pick<AlertRule, 'ruleId' | 'measure'> & Partial<AlertRule>,
): AlertRule {
  return { valueMicro: 0n, isReached: false, openAlert: null, lastFiredAtMs: null, ...values };
}

/** Units a millisecond of the plan as micro-credits an hour. */
function rateOf({ unitMicro }: CreditPlan, burn: number, stretch: number): bigint {
  return (BigInt(burn * 4) * unitMicro * BigInt(MS_PER_HOUR)) / (4n * BigInt(stretch));
}

function withoutDoubles(rates: readonly KnownRate[]): readonly KnownRate[] {
  return [...new Map(rates.map((rate) => [`${rate.hardwareId} ${rate.fromMs}`, rate])).values()];
}

function valueOf(
  { unitMicro }: CreditPlan,
  { measure, share }: PlannedAlertRule,
  stretch: number,
): Pick<AlertRule, 'measure' | 'valueMicro'> {
  switch (measure) {
    case 'CREDITS_REMAINING':
      return { measure, valueMicro: BigInt(share * 4 - 100) * unitMicro };
    case 'CREDITS_USED_PERCENT':
    case 'RUNS_USED_PERCENT':
      return { measure, valueMicro: BigInt(share) * 1_500_000n };
    case 'HOURS_TO_STOP':
      // A millionth of an hour is 3.6 ms.
      return { measure, valueMicro: BigInt((1 + (share % 17)) * stretch) };
  }
}

/** Lets a plan happen, and writes down what its steps came to. */
export function happenAll(
  plan: CreditPlan,
  stretch = 1,
): { readonly account: Account; readonly writes: readonly Write[] } {
  const account = new Account(accountOf(plan, stretch));
  const author = new Author(plan, account, stretch);
  for (const [index, { gap, write }] of plan.steps.entries()) {
    account.settle(author.instantOf(gap));
    for (const decided of author.decide(write, index)) {
      account.take(decided);
      author.writes.push(decided);
    }
  }
  const last = { what: 'nothing' as const, atMs: account.state.atMs + 60 * stretch };
  account.take(last);
  return { account, writes: [...author.writes, last] };
}

/** Makes writes of the steps of a plan, by where the account stands. */
class Author {
  readonly writes: Write[] = [];
  private readonly charges: { readonly creditsMicro: bigint; readonly runsMicro: bigint }[] = [];
  /** How much was given back of hosting that the limit had stopped, by segment. */
  private readonly trimmed = new Map<number, EndedSegment>();
  private readonly freeFrom = new Map<number, number>();

  constructor(
    private readonly plan: CreditPlan,
    private readonly account: Account,
    private readonly stretch: number,
  ) {}

  private get state(): AccountState {
    return this.account.state;
  }

  private get atMs(): number {
    return this.state.atMs;
  }

  private ms(planned: number): number {
    return planned * this.stretch;
  }

  private micro(units: number): bigint {
    return BigInt(units) * this.plan.unitMicro;
  }

  instantOf(gap: Gap): number {
    if ('ms' in gap) return this.atMs + this.ms(gap.ms);
    const planned = [
      this.state.cycle.endMs,
      ...this.state.rates.map((rate) => rate.fromMs),
      ...[...this.state.credits.lots, ...this.state.runs.lots].flatMap((lot) => [
        lot.grantAtMs,
        lot.expiresAtMs ?? Infinity,
      ]),
    ].filter((plannedMs) => plannedMs > this.atMs);
    const nextMs = Math.max(this.atMs, Math.min(...planned) + gap.planned);
    const isTooFar = this.stretch === 1 && nextMs - this.atMs > LONGEST_BURN_MS;
    return isTooFar && this.state.running.length > 0 ? this.atMs + 10 : nextMs;
  }

  // eslint-disable-next-line complexity -- one line for each kind of write
  decide(write: PlannedWrite, index: number): readonly Write[] {
    const { atMs } = this;
    switch (write.what) {
      case 'usage': {
        const charge = {
          creditsMicro: this.micro(write.units),
          runsMicro: BigInt(write.runs) * RUN_MICRO,
        };
        this.charges.push(charge);
        return [{ what: 'usage', atMs, ...charge }];
      }
      case 'reverse': {
        const [charge] = this.charges.splice(write.pick % Math.max(1, this.charges.length), 1);
        return charge === undefined ? [] : [{ what: 'reverse', atMs, ...charge }];
      }
      case 'hosting':
        return this.host(write);
      case 'endAll':
        return this.state.running.map((segment) => this.endNow(segment));
      case 'allocate':
      case 'void':
      case 'adjust':
        return this.changeLots(write);
      case 'policy':
      case 'rule':
      case 'unwatch':
      case 'rate':
      case 'zone':
        return this.changeRules(write, index);
    }
  }

  private changeLots(
    write: Extract<PlannedWrite, { readonly what: 'allocate' | 'void' | 'adjust' }>,
  ): readonly Write[] {
    const { atMs } = this;
    switch (write.what) {
      case 'allocate':
        return [
          {
            what: 'allocate',
            atMs,
            unit: write.isRuns ? 'WORKFLOW_RUNS' : 'CREDITS',
            lot: this.lotOf(write),
          },
        ];
      case 'void': {
        const lots = [
          ...this.account.lotsOf('CREDITS').map((lot) => ({ unit: 'CREDITS' as const, lot })),
          ...this.account
            .lotsOf('WORKFLOW_RUNS')
            .map((lot) => ({ unit: 'WORKFLOW_RUNS' as const, lot })),
        ].sort((a, b) => a.lot.allocationId - b.lot.allocationId);
        const picked = lots[write.pick % Math.max(1, lots.length)];
        if (picked === undefined) return [];
        const { allocationId } = picked.lot;
        return [{ what: 'void', atMs, unit: picked.unit, allocationId }];
      }
      case 'adjust': {
        const amountMicro = this.micro(Math.abs(write.units));
        if (write.units < 0) return [{ what: 'adjustDown', atMs, amountMicro }];
        return [{ what: 'adjustUp', atMs, lot: this.aLot({ amountMicro, isAdjustment: true }) }];
      }
    }
  }

  private changeRules(
    write: Extract<
      PlannedWrite,
      { readonly what: 'policy' | 'rule' | 'unwatch' | 'rate' | 'zone' }
    >,
    index: number,
  ): readonly Write[] {
    const { atMs } = this;
    switch (write.what) {
      case 'policy':
        return [
          {
            what: 'policy',
            atMs,
            policy: {
              lowCreditMicro: this.micro(write.low),
              negativeLimitMicro: this.micro(write.negative),
              fineTuningMinimumMicro: 0n,
            },
          },
        ];
      case 'rule': {
        const rule = valueOf(this.plan, write.rule, this.stretch);
        return [{ what: 'rule', atMs, rule: anAlertRule({ ruleId: 100 + index, ...rule }) }];
      }
      case 'unwatch': {
        const thresholds = this.state.alertRules.filter(({ ruleId }) => ruleId > 3);
        const picked = thresholds[write.pick % Math.max(1, thresholds.length)];
        return picked === undefined ? [] : [{ what: 'unwatch', atMs, ruleId: picked.ruleId }];
      }
      case 'rate': {
        const rate = {
          hardwareId: write.hardware,
          fromMs: atMs + this.ms(write.inMs),
          rateMicroPerHour: rateOf(this.plan, write.burn, this.stretch),
          knownFromMs: atMs,
        };
        return [{ what: 'rates', atMs, rates: withoutDoubles([...this.state.rates, rate]) }];
      }
      case 'zone':
        return [{ what: 'zone', atMs, timeZone: write.zone }];
    }
  }

  private lotOf(write: Extract<PlannedWrite, { readonly what: 'allocate' }>): Lot {
    const { atMs } = this;
    const { cycle } = this.state;
    const effectiveAtMs = atMs + this.ms(write.startsIn);
    const grantAtMs = Math.max(atMs, effectiveAtMs);
    const values = {
      amountMicro: write.isRuns
        ? BigInt(Math.ceil(write.units / 50)) * RUN_MICRO
        : this.micro(write.units),
      priority: write.priority,
      grantAtMs,
    };
    if (write.everyCycle) {
      const expiresAtMs =
        grantAtMs < cycle.endMs ? cycle.endMs : cycleEndMs(this.state, cycle.endMs);
      return this.aLot({ ...values, expiresAtMs, seriesId: this.state.lastLocalId + 1 });
    }
    if (write.lasts === null) return this.aLot(values);
    const expiresAtMs = Math.max(grantAtMs + 1, effectiveAtMs + this.ms(write.lasts));
    return this.aLot({ ...values, expiresAtMs });
  }

  private aLot(values: Pick<Lot, 'amountMicro'> & Partial<Lot>): Lot {
    return {
      allocationId: this.state.lastLocalId + 1,
      state: 'PENDING',
      spentMicro: 0n,
      priority: 100,
      grantAtMs: this.atMs,
      expiresAtMs: null,
      createdAtMs: this.atMs,
      seriesId: null,
      isAdjustment: false,
      ...values,
    };
  }

  // ---- hosting

  private host(write: Extract<PlannedWrite, { readonly what: 'hosting' }>): readonly Write[] {
    const { atMs } = this;
    const running = this.state.running.find(({ resourceId }) => resourceId === write.resource);
    const isRequested = this.state.requestedResourceIds.includes(write.resource);
    const lateAtMs = atMs - this.ms(write.lateMs);
    if (write.call === 'end') return this.endLate(write.resource, running, lateAtMs);
    if (running !== undefined) return [this.scale(running, write, lateAtMs)];
    if (write.call === 'scale' || this.isStopped()) return [];
    if (write.call === 'request') {
      if (isRequested) return [];
      const turn = { charges: [], endedSegmentIds: [], begun: null, isRequested: true };
      return [{ what: 'turn', atMs, turn: { ...turn, resourceId: write.resource } }];
    }
    const begun = this.begin(write, Math.max(lateAtMs, this.freeSince(write.resource)));
    const turn = { charges: [], endedSegmentIds: [], begun, isRequested: false };
    return [{ what: 'turn', atMs, turn: { ...turn, resourceId: write.resource } }];
  }

  private isStopped(): boolean {
    const { credits, policy } = this.state;
    return credits.hasBegun && balanceOf(credits) <= policy.negativeLimitMicro;
  }

  /** A segment that begins at `fromMs` or, later, with the rate of now. */
  private begin(
    write: Extract<PlannedWrite, { readonly what: 'hosting' }>,
    lateAtMs: number,
  ): RunningSegment {
    const lastRateMs = this.state.rates
      .filter((rate) => rate.hardwareId === write.hardware && rate.fromMs <= this.atMs)
      .map((rate) => rate.fromMs);
    const fromMs = Math.max(lateAtMs, ...lastRateMs);
    const segment = {
      accountId: 1,
      segmentId: this.state.lastLocalId + 1,
      resourceId: write.resource,
      hardwareId: write.hardware,
      replicas: write.replicas,
      rateMicroPerHour: rateAt(this.state.rates, write.hardware, fromMs) ?? 0n,
      fromMs,
      toMs: null,
      eventSeq: null,
    };
    return runningSegment({ ...segment, postedMicro: null }, this.state.creditsFromMs);
  }

  private scale(
    running: RunningSegment,
    write: Extract<PlannedWrite, { readonly what: 'hosting' }>,
    lateAtMs: number,
  ): Write {
    const earliestMs = Math.max(lateAtMs, running.fromMs, this.state.creditsFromMs);
    const begun = this.begin(write, earliestMs);
    return {
      what: 'turn',
      atMs: this.atMs,
      turn: {
        charges: [this.correction(running, begun.fromMs)],
        endedSegmentIds: [running.segmentId],
        begun,
        resourceId: running.resourceId,
        isRequested: false,
      },
    };
  }

  private endNow(running: RunningSegment): Write {
    return this.endOf(running, this.atMs);
  }

  private endOf(running: RunningSegment, endMs: number): Write {
    this.freeFrom.set(running.resourceId, endMs);
    return {
      what: 'turn',
      atMs: this.atMs,
      turn: {
        charges: [this.correction(running, endMs)],
        endedSegmentIds: [running.segmentId],
        begun: null,
        resourceId: running.resourceId,
        isRequested: false,
      },
    };
  }

  /** What a segment that ends at `endMs` costs beyond what was posted. */
  private correction(
    segment: RunningSegment | EndedSegment,
    endMs: number,
  ): HostingChange['charges'][number] {
    const { segmentId, postedMicro } = segment;
    const chargedMicroOfAll = chargedMicro({ ...segment, toMs: null }, endMs);
    return { segmentId, chargedMicro: chargedMicroOfAll - postedMicro };
  }

  private endLate(
    resourceId: number,
    running: RunningSegment | undefined,
    lateAtMs: number,
  ): readonly Write[] {
    const { creditsFromMs, requestedResourceIds } = this.state;
    if (running !== undefined) {
      return [this.endOf(running, Math.max(lateAtMs, running.fromMs, creditsFromMs))];
    }
    if (requestedResourceIds.includes(resourceId)) {
      const turn = { charges: [], endedSegmentIds: [], begun: null, resourceId };
      return [{ what: 'turn', atMs: this.atMs, turn: { ...turn, isRequested: false } }];
    }
    return this.trim(resourceId, lateAtMs);
  }

  /** An undeploy with an earlier instant than the stop. */
  private trim(resourceId: number, lateAtMs: number): readonly Write[] {
    const last = this.account.ended.filter((segment) => segment.resourceId === resourceId).at(-1);
    if (last?.toMs !== this.freeSince(resourceId)) return [];
    const stopped = this.trimmed.get(last.segmentId) ?? last;
    const endMs = Math.max(lateAtMs, stopped.fromMs, this.state.creditsFromMs);
    if (endMs >= stopped.toMs) return [];
    const charge = this.correction(stopped, endMs);
    this.trimmed.set(last.segmentId, {
      ...stopped,
      toMs: endMs,
      postedMicro: stopped.postedMicro + charge.chargedMicro,
    });
    this.freeFrom.set(resourceId, endMs);
    const turn = { charges: [charge], endedSegmentIds: [], begun: null, resourceId };
    return [{ what: 'turn', atMs: this.atMs, turn: { ...turn, isRequested: false } }];
  }

  /** Since when nothing runs of a resource that does not run. */
  private freeSince(resourceId: number): number {
    const stopped = this.account.ended
      .filter((segment) => segment.resourceId === resourceId)
      .map((segment) => this.trimmed.get(segment.segmentId)?.toMs ?? segment.toMs);
    return Math.max(-Infinity, this.freeFrom.get(resourceId) ?? -Infinity, ...stopped);
  }
}

/** The writes on an account whose time is cut otherwise: at `cutsMs` it is settled and read back. */
export function happenAgain(
  begin: AccountState,
  writes: readonly Write[],
  cutsMs: readonly number[],
): Account {
  const account = new Account(begin);
  for (const write of writes) {
    for (const cutMs of cutsMs) {
      if (cutMs > account.state.atMs && cutMs <= write.atMs) account.settle(cutMs);
    }
    account.take(write);
  }
  return account;
}
