import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { advance, forecast, nextDueMs } from '../../src/engine/clock.ts';
import { Draft } from '../../src/engine/draft.ts';
import type { LedgerLine } from '../../src/engine/ledger.ts';
import { balanceOf } from '../../src/engine/lots.ts';
import type { AlertRaised, CycleClosed } from '../../src/engine/credit-event.ts';
import type { CreditPolicy } from '../../src/engine/limits.ts';
import type { AccountState } from '../../src/engine/state.ts';
import {
  isThreshold,
  type AlertRule,
  type AlertRuleMeasure,
} from '../../src/engine/alert-rules.ts';
import { creditPlan } from '../support/credit-plans.ts';
import { Account, accountOf, happenAgain, happenAll, type Write } from '../support/credit-run.ts';
import {
  alertsOf,
  closedOf,
  happenOnTwin,
  storyOf,
  storyOfTwin,
  twinOf,
  viewOf,
  viewOfTwin,
} from '../support/credit-views.ts';
import { CreditClock } from '../support/reference/credit-clock.ts';

/** How far the reference looks ahead when it is asked for the end of the credits. */
const AHEAD_MS = 300;

/** How many milliseconds one of the plan is: from single ones to hours, so that plans last up to some months. */
const stretches = fc.constantFrom(1, 997, 60_000, 3_600_000);
const shares = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 12 });

/** The balance from its definition: what is left, less debt, less what has accrued. */
function balanceNow({ atMs, credits, running }: AccountState): bigint {
  let balanceMicro = -credits.debtMicro;
  for (const lot of credits.lots) {
    if (lot.state === 'SPENDABLE') balanceMicro += lot.amountMicro - lot.spentMicro;
  }
  for (const segment of running) {
    const { fromMs: from, replicas, rateMicroPerHour: rate } = segment;
    balanceMicro -= CreditClock.cost({ from, replicas, rate }, atMs) - segment.postedMicro;
  }
  return balanceMicro;
}

describe('the clock', () => {
  it('agrees with the reference that goes millisecond by millisecond', () => {
    fc.assert(
      fc.property(creditPlan, (plan) => {
        const { writes } = happenAll(plan);
        const account = new Account(accountOf(plan));
        const twin = twinOf(plan);
        const views: unknown[] = [];
        const twinViews: unknown[] = [];
        for (const write of writes) {
          account.take(write);
          views.push({ after: write, ...viewOf(account) });
          happenOnTwin(twin, write);
          twinViews.push({ after: write, ...viewOfTwin(twin) });
        }

        expect({ views, ...storyOf(account) }).toEqual({ views: twinViews, ...storyOfTwin(twin) });
      }),
      { numRuns: 120 },
    );
  });

  it('forecasts the end of the credits and the stop as the reference finds them', () => {
    fc.assert(
      fc.property(creditPlan, fc.nat({ max: 99 }), (plan, pick) => {
        const { writes } = happenAll(plan);
        const account = new Account(accountOf(plan));
        const twin = twinOf(plan);
        for (const write of writes.slice(0, 1 + (pick % writes.length))) {
          account.take(write);
          happenOnTwin(twin, write);
        }
        const { exhaustsAtMs, stopsAtMs } = forecast(account.state);
        const near = (atMs: number | null): number | null =>
          atMs !== null && atMs <= account.state.atMs + AHEAD_MS ? atMs : null;

        expect([near(exhaustsAtMs), near(stopsAtMs)]).toEqual([
          twin.exhaustsAt(AHEAD_MS),
          twin.stopsAt(AHEAD_MS),
        ]);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same however the time is cut', () => {
    fc.assert(
      fc.property(creditPlan, stretches, shares, (plan, stretch, cutShares) => {
        const { writes } = happenAll(plan, stretch);
        const begin = accountOf(plan, stretch);
        const endMs = writes.at(-1)?.atMs ?? begin.atMs;
        const whole = happenAgain(begin, writes, []);
        const eventful = [
          ...whole.creditEvents,
          ...whole.ended.map(({ toMs }) => ({ atMs: toMs })),
        ];
        const cutsMs = [
          ...cutShares.map(
            (share) => begin.atMs + Math.floor(((endMs - begin.atMs) * share) / 1_000),
          ),
          ...eventful.flatMap(({ atMs }) => [atMs - 1, atMs]),
        ].sort((a, b) => a - b);
        const cut = happenAgain(begin, writes, cutsMs);

        expect(cut).toEqual(whole);
      }),
      { numRuns: 80 },
    );
  });
});

describe('alerts', () => {
  it('come in the order of time, numbered without gaps, each crossing once', () => {
    fc.assert(
      fc.property(creditPlan, stretches, (plan, stretch) => {
        const { account } = happenAll(plan, stretch);
        const instants = account.creditEvents.map(({ atMs }) => atMs);
        expect(instants).toEqual([...instants].sort((a, b) => a - b));
        expect(alertsOf(account).map(({ sequence }) => sequence)).toEqual(
          alertsOf(account).map((_, index) => index + 1),
        );

        const { open, wrong } = openAfter(account);
        expect(wrong).toEqual([]);
        for (const { ruleId, openAlert } of account.state.alertRules) {
          expect(openAlert).toBe(open.get(ruleId)?.sequence ?? null);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('tell of the very millisecond at which the balance came down to a level', () => {
    fc.assert(
      fc.property(creditPlan, stretches, (plan, stretch) => {
        const { account, writes } = happenAll(plan, stretch);
        const crossings = firstOfEach(alertsOf(account)).filter(({ measure }) =>
          LEVELLED.includes(measure),
        );
        const begin = accountOf(plan, stretch);
        const wrong = crossings.filter(({ atMs, ruleId, position }) => {
          const before = happenAgain(begin, until(writes, atMs - 1), []).state;
          const rule = before.alertRules.find((each) => each.ruleId === ruleId);
          if (rule === undefined || !before.credits.hasBegun) return false;
          // Reached with the first lot, without an alert.
          if (rule.isReached && rule.openAlert === null) return false;
          return (
            balanceNow(before) <= levelOf(rule, before) ||
            position.credits.balanceMicro > levelOf(rule, position)
          );
        });

        expect(wrong).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});

/** Goes through the alerts of each alert rule: what is open at the end, and those that could not have come. */
function openAfter(account: Account): {
  readonly open: ReadonlyMap<number, AlertRaised>;
  readonly wrong: readonly AlertRaised[];
} {
  const cycleBegins = new Set(closedOf(account).map(({ atMs }) => atMs));
  const open = new Map<number, AlertRaised>();
  const wrong: AlertRaised[] = [];
  for (const alert of alertsOf(account)) {
    const last = open.get(alert.ruleId);
    const isResolved = alert.kind === 'RESOLVED';
    const mayComeAgain = isThreshold(alert.measure) && cycleBegins.has(alert.atMs);
    if (isResolved) {
      if (alert.resolves === null || alert.resolves !== last?.sequence) wrong.push(alert);
      open.delete(alert.ruleId);
    } else {
      if (last !== undefined && !(mayComeAgain && last.atMs < alert.atMs)) wrong.push(alert);
      open.set(alert.ruleId, alert);
    }
  }
  return { open, wrong };
}

const LEVELLED: readonly AlertRuleMeasure[] = ['CREDITS_REMAINING', 'LOW_CREDIT', 'ZERO'];

function levelOf(
  { measure, valueMicro }: AlertRule,
  { policy }: { readonly policy: CreditPolicy },
): bigint {
  if (measure === 'LOW_CREDIT') return policy.lowCreditMicro;
  return measure === 'ZERO' ? 0n : valueMicro;
}

/** The first alert of each alert rule that was raised. */
function firstOfEach(alerts: readonly AlertRaised[]): readonly AlertRaised[] {
  const first = new Map<number, AlertRaised>();
  for (const alert of alerts) if (!first.has(alert.ruleId)) first.set(alert.ruleId, alert);
  return [...first.values()];
}

/** The writes by an instant, and the time up to it. */
function until(writes: readonly Write[], atMs: number): readonly Write[] {
  return [...writes.filter((write) => write.atMs <= atMs), { what: 'nothing', atMs }];
}

describe('the ledger', () => {
  it('adds up to the balance, and each cycle to its sums', () => {
    fc.assert(
      fc.property(creditPlan, stretches, (plan, stretch) => {
        const { account } = happenAll(plan, stretch);
        const { state, lines } = account;
        const sumMicro = lines.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
        expect(sumMicro).toBe(balanceOf(state.credits));
        expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index + 1));

        const { cycleId: firstCycleId } = accountOf(plan, stretch).cycle;
        const endedBefore = (index: number): number =>
          lines.slice(0, index).filter(({ kind }) => kind === 'CARRY_OVER').length;
        expect(lines.map(({ cycleId }) => cycleId)).toEqual(
          lines.map((_, index) => firstCycleId + endedBefore(index)),
        );

        const running = { ...state.credits.cycle, closingMicro: sumMicro };
        const cycles = [...closedOf(account).map(({ credits }) => credits), running];
        expect(cycles).toEqual(cyclesOf(lines));
        for (const [index, runs] of closedOf(account)
          .map((closed) => closed.runs)
          .entries()) {
          const next = closedOf(account)[index + 1]?.runs ?? state.runs.cycle;
          expect(closingOf(runs)).toBe(runs.closingMicro);
          expect(next.carriedOverMicro).toBe(runs.closingMicro);
        }
        expect(closingOf(state.runs.cycle)).toBe(balanceOf(state.runs));
      }),
      { numRuns: 100 },
    );
  });
});

function closingOf(sums: Omit<CycleClosed['runs'], 'closingMicro'>): bigint {
  return (
    sums.carriedOverMicro +
    sums.allocatedMicro -
    sums.usedMicro -
    sums.expiredMicro +
    sums.adjustedMicro
  );
}

/** The sums of each cycle, by the lines between two CARRY_OVERs. */
function cyclesOf(lines: readonly LedgerLine[]): readonly CycleClosed['credits'][] {
  const ends = lines.flatMap((line, index) => (line.kind === 'CARRY_OVER' ? [index] : []));
  return [...ends, lines.length].map((end, index) => {
    const inside = lines.slice(index === 0 ? 0 : ends[index - 1], end);
    const sumOf = (...kinds: readonly LedgerLine['kind'][]): bigint =>
      inside
        .filter(({ kind }) => kinds.includes(kind))
        .reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
    const carriedOverMicro = lines
      .slice(0, index === 0 ? 0 : ends[index - 1])
      .reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
    const sums = {
      carriedOverMicro,
      // A lot that was made by an adjustment is booked as one.
      allocatedMicro: sumOf('ALLOCATION'),
      usedMicro: -sumOf('USAGE', 'REVERSAL'),
      expiredMicro: -sumOf('EXPIRY'),
      adjustedMicro: sumOf('ADJUSTMENT', 'VOID'),
    };
    return { ...sums, closingMicro: closingOf(sums) };
  });
}

/** What the stop ends: all that runs until then, and what was requested. */
function stoppable(state: AccountState, stopsAtMs: number): readonly unknown[] {
  const before = advance(state, stopsAtMs - 1).state;
  return [...before.running, ...before.requestedResourceIds];
}

describe('what is forecast', () => {
  it('comes at its very millisecond and not before', () => {
    fc.assert(
      fc.property(creditPlan, stretches, shares, (plan, stretch, cutShares) => {
        const { account } = happenAll({ ...plan, steps: plan.steps.slice(0, -1) }, stretch);
        // What is not known yet is not forecast.
        const { state: now } = account;
        const rates = now.rates.filter((rate) => rate.knownFromMs <= now.atMs);
        const state = { ...now, rates };
        const { exhaustsAtMs, stopsAtMs } = forecast(now);
        const before = (untilMs: number): readonly number[] => [
          ...cutShares.map(
            (share) => now.atMs + Math.floor(((untilMs - 1 - now.atMs) * share) / 1_000),
          ),
          untilMs - 1,
        ];
        const isUsedUp = (atMs: number): boolean => balanceNow(advance(state, atMs).state) <= 0n;
        const stopped = (atMs: number): readonly unknown[] =>
          advance(state, atMs)
            .creditEvents.filter(({ what }) => what === 'DEPLOYMENT_STOPPED')
            .map((creditEvent) => creditEvent.atMs);

        expect(exhaustsAtMs === null || isUsedUp(exhaustsAtMs)).toBe(true);
        expect(exhaustsAtMs === null ? [] : before(exhaustsAtMs).filter(isUsedUp)).toEqual([]);
        expect(stopsAtMs === null ? [] : before(stopsAtMs).flatMap(stopped)).toEqual([]);
        expect(stopsAtMs === null ? [] : stopped(stopsAtMs)).toEqual(
          stopsAtMs === null ? [] : stoppable(state, stopsAtMs).map(() => stopsAtMs),
        );
      }),
      { numRuns: 80 },
    );
  });

  it('is all that happens: nothing does before the next due instant', () => {
    fc.assert(
      fc.property(creditPlan, stretches, (plan, stretch) => {
        const { account } = happenAll(plan, stretch);
        let { state } = account;
        for (let times = 0; times < 5; times += 1) {
          const dueMs = nextDueMs(new Draft(state));
          const before = advance(state, dueMs - 1);
          const { lines, creditEvents, ended, made } = before;

          expect(dueMs).toBeGreaterThan(state.atMs);
          expect(before.state).toEqual({ ...state, atMs: dueMs - 1 });
          expect({ lines, creditEvents, ended, made }).toEqual({
            lines: [],
            creditEvents: [],
            ended: [],
            made: [],
          });
          ({ state } = advance(state, dueMs));
        }
      }),
      { numRuns: 60 },
    );
  });
});
