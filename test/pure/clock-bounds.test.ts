// Accounts that live at the bounds of what can be set (engine/bounds.ts): whatever they do and however late their clock is,
// every number that would be stored fits 64 bits, and the clock passes every instant.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RATE_MICRO_PER_HOUR_MAX } from '../../src/catalogue/rates.ts';
import { EVERY_CYCLE_MICRO_MAX, HELD_MICRO_MAX } from '../../src/engine/bounds.ts';
import { type RunningSegment, runningSegment } from '../../src/engine/burn.ts';
import { advance } from '../../src/engine/clock.ts';
import { Draft } from '../../src/engine/draft.ts';
import { balanceOf, type Lot } from '../../src/engine/lots.ts';
import type { AccountState } from '../../src/engine/state.ts';
import {
  allocate,
  recordUsage,
  reverseUsage,
  setPolicy,
  takeAdjustment,
  applyHostingChange,
} from '../../src/engine/writes.ts';
import { chargedMicro, REPLICAS_MAX } from '../../src/hosting/charge.ts';
import { anAlertRule, newAccount } from '../support/credit-run.ts';

const INT8_MAX = 2n ** 63n - 1n;
const HOUR_MS = 3_600_000;
const BEGIN_MS = Date.UTC(2026, 0, 1);
const WINDOW_MS = 400 * 24 * HOUR_MS;
const NO_EVENTS = { firstSeq: 1, lastSeq: 1 };

type Step =
  | {
      readonly what: 'give' | 'giveEveryCycle' | 'use' | 'takeAway' | 'limit';
      readonly share: number;
    }
  | { readonly what: 'void' }
  | { readonly what: 'deploy'; readonly count: number; readonly lateShare: number }
  | { readonly what: 'wait'; readonly hours: number };

// Mostly all or nearly all of what may be.
const share = fc.constantFrom(1, 1, 1, 2, 3, 1_000, 10 ** 9);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    what: fc.constantFrom('give', 'giveEveryCycle', 'use', 'takeAway', 'limit'),
    share,
  }),
  fc.constant({ what: 'void' as const }),
  fc.record({
    what: fc.constant('deploy' as const),
    count: fc.constantFrom(1, 2, 40),
    lateShare: fc.constantFrom(0, 0, 1, 2),
  }),
  fc.record({
    what: fc.constant('wait' as const),
    hours: fc.constantFrom(0.001, 1, 60, 800, 17_520),
  }),
);

/** An account under the rules by which calls are refused. */
class Life {
  state: AccountState = newAccount({
    atMs: BEGIN_MS,
    timeZone: 'UTC',
    cycleDay: 1,
    policy: {
      lowCreditMicro: 0n,
      negativeLimitMicro: -HELD_MICRO_MAX,
      fineTuningMinimumMicro: 0n,
    },
    rates: [],
    alertRules: [
      anAlertRule({ ruleId: 4, measure: 'CREDITS_USED_PERCENT', valueMicro: 50_000_000n }),
      anAlertRule({ ruleId: 5, measure: 'HOURS_TO_STOP', valueMicro: 24_000_000n }),
    ],
  });
  balanceMicro = 0n;
  private onceMicro = 0n;
  private everyCycleMicro = 0n;
  private usedMicro = 0n;
  private readonly charges: bigint[] = [];

  // eslint-disable-next-line complexity -- one line for each kind of step
  take(step: Step): void {
    const draft = new Draft(this.state);
    switch (step.what) {
      case 'wait':
        this.store(advance(this.state, this.state.atMs + step.hours * HOUR_MS));
        return;
      case 'give':
        this.give(draft, (HELD_MICRO_MAX - this.onceMicro) / BigInt(step.share), false);
        break;
      case 'giveEveryCycle':
        this.give(draft, (EVERY_CYCLE_MICRO_MAX - this.everyCycleMicro) / BigInt(step.share), true);
        break;
      case 'use':
        this.use(draft, (HELD_MICRO_MAX - this.usedMicro) / BigInt(step.share));
        break;
      case 'void': {
        const creditsMicro = this.charges.pop();
        if (creditsMicro !== undefined) {
          const usage = { creditsMicro, runsMicro: 0n, events: NO_EVENTS, items: [] };
          // Its wallets leave nothing out.
          reverseUsage(draft, usage, { CREDITS: [], WORKFLOW_RUNS: [] });
        }
        break;
      }
      case 'takeAway': {
        const roomMicro = draft.position().credits.balanceMicro + HELD_MICRO_MAX;
        if (roomMicro > 0n) takeAdjustment(draft, roomMicro / BigInt(step.share) || 1n, 'x');
        break;
      }
      case 'limit':
        setPolicy(draft, {
          ...this.state.policy,
          negativeLimitMicro: -HELD_MICRO_MAX / BigInt(step.share),
        });
        break;
      case 'deploy':
        this.deploy(draft, step);
        break;
    }
    this.store(draft);
  }

  private give(draft: Draft, amountMicro: bigint, isEveryCycle: boolean): void {
    if (amountMicro === 0n) return;
    if (isEveryCycle) this.everyCycleMicro += amountMicro;
    else this.onceMicro += amountMicro;
    const allocationId = draft.takeLocalId();
    const lot: Lot = {
      allocationId,
      state: 'PENDING',
      amountMicro,
      spentMicro: 0n,
      priority: 100,
      grantAtMs: draft.atMs,
      expiresAtMs: isEveryCycle ? draft.state.cycle.endMs : null,
      createdAtMs: draft.atMs,
      seriesId: isEveryCycle ? allocationId : null,
      isAdjustment: false,
    };
    allocate(draft, 'CREDITS', lot);
  }

  private use(draft: Draft, creditsMicro: bigint): void {
    if (creditsMicro === 0n) return;
    this.usedMicro += creditsMicro;
    this.charges.push(creditsMicro);
    recordUsage(draft, { creditsMicro, runsMicro: 0n, events: NO_EVENTS, items: [] });
  }

  /** Deployments at the highest rate, one after another, as late as may be. */
  private deploy(draft: Draft, { count, lateShare }: Extract<Step, { what: 'deploy' }>): void {
    for (let deployed = 0; deployed < count; deployed += 1) {
      if (draft.position().state !== 'OK') return;
      const segmentId = draft.takeLocalId();
      const lateMs = lateShare === 0 ? 0 : Math.floor(WINDOW_MS / lateShare);
      const segment: RunningSegment = runningSegment(
        {
          accountId: 1,
          segmentId,
          resourceId: segmentId,
          hardwareId: 1,
          replicas: REPLICAS_MAX,
          rateMicroPerHour: RATE_MICRO_PER_HOUR_MAX,
          fromMs: Math.max(BEGIN_MS, draft.atMs - lateMs),
          toMs: null,
          eventSeq: null,
          postedMicro: null,
        },
        BEGIN_MS,
      );
      // What would have cost more by now is refused.
      if (chargedMicro(segment, draft.atMs) > HELD_MICRO_MAX) return;
      const begun = { charges: [], endedSegmentIds: [], begun: segment, isRequested: false };
      applyHostingChange(draft, { ...begun, resourceId: segmentId }, null);
    }
  }

  private store(draft: Draft): void {
    draft.check({ balanceMicro: this.balanceMicro });
    for (const [name, value] of Object.entries(storedNumbers(draft))) {
      for (const micro of value) {
        if (micro > INT8_MAX || micro < -INT8_MAX) throw new Error(`${name} is ${micro}`);
      }
    }
    this.state = draft.state;
    this.balanceMicro = balanceOf(draft.state.credits);
  }
}

/** All numbers of a draft that the database keeps in 64 bits. */
function storedNumbers(draft: Draft): Record<string, readonly bigint[]> {
  const { credits, running } = draft.state;
  const ended = draft.creditEvents.flatMap((one) =>
    one.what === 'CYCLE_CLOSED' ? [one.credits] : [],
  );
  return {
    balance: [balanceOf(credits), draft.position().credits.balanceMicro],
    debt: [credits.debtMicro],
    lots: credits.lots.flatMap((lot) => [lot.amountMicro, lot.spentMicro]),
    cycles: [credits.cycle, ...ended].flatMap((cycle) => [
      cycle.carriedOverMicro,
      cycle.allocatedMicro,
      cycle.usedMicro,
      cycle.expiredMicro,
      cycle.adjustedMicro,
    ]),
    lines: draft.lines.flatMap((line) => [line.amountMicro, line.balanceMicro]),
    charges: draft.lines.flatMap((line) => line.segments.map((one) => one.chargedMicro)),
    segments: [...running, ...draft.ended].map((segment) => segment.postedMicro),
    alerts: draft.creditEvents.flatMap((one) =>
      one.what === 'ALERT' ? [one.position.credits.balanceMicro] : [],
    ),
  };
}

describe('an account at the bounds', () => {
  it('has no number that 64 bits do not hold, whatever it does and however late its clock is', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const life = new Life();
        for (const each of steps) life.take(each);
        const untilMs = Date.UTC(2080, 0, 1);
        life.take({ what: 'wait', hours: (untilMs - life.state.atMs) / HOUR_MS });

        expect(life.state.atMs).toBe(untilMs);
        expect(life.balanceMicro).toBeGreaterThan(-3n * HELD_MICRO_MAX - 10n ** 12n);
      }),
      { numRuns: 60 },
    );
  });

  it('is stopped at the exact instant by 40 deployments at the highest rate', () => {
    const life = new Life();
    life.take({ what: 'give', share: 1 });
    life.take({ what: 'deploy', count: 40, lateShare: 0 });
    const stopped = advance(life.state, BEGIN_MS + 17_520 * HOUR_MS);

    // 40 x 1,000 x 1,000,000 an hour: 2 x 10^12 credits last 50 hours.
    const stops = stopped.creditEvents.filter(({ what }) => what === 'DEPLOYMENT_STOPPED');
    expect(new Set(stops.map(({ atMs }) => atMs))).toEqual(new Set([BEGIN_MS + 50 * HOUR_MS]));
    expect(stops).toHaveLength(40);
    expect(balanceOf(stopped.state.credits)).toBe(-HELD_MICRO_MAX);
  });

  it('is stopped at the lowest limit when it never had a first lot', () => {
    const life = new Life();
    const { state } = life;
    const segment = runningSegment(
      {
        accountId: 1,
        segmentId: 1,
        resourceId: 1,
        hardwareId: 1,
        replicas: REPLICAS_MAX,
        rateMicroPerHour: RATE_MICRO_PER_HOUR_MAX,
        fromMs: BEGIN_MS,
        toMs: null,
        eventSeq: null,
        postedMicro: null,
      },
      BEGIN_MS,
    );
    const policy = { ...state.policy, negativeLimitMicro: 0n };
    const draft = advance({ ...state, policy, running: [segment] }, Date.UTC(2080, 0, 1));

    // 10^9 credits an hour: 10^12 after a thousand hours.
    expect(draft.ended.map(({ toMs }) => toMs)).toEqual([BEGIN_MS + 1_000 * HOUR_MS]);
    expect(balanceOf(draft.state.credits)).toBe(-HELD_MICRO_MAX);
  });
});
