// The forecast ends early where credits are surely covered. What it then says is held against the clock itself, which passes
// every cycle of the ten years.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addCalendar } from '../../src/core/calendar.ts';
import type { RunningSegment } from '../../src/engine/burn.ts';
import { advance, forecast } from '../../src/engine/clock.ts';
import { isCovered } from '../../src/engine/coverage.ts';
import type { Lot } from '../../src/engine/lots.ts';
import type { AccountState } from '../../src/engine/state.ts';
import { Account, newAccount } from '../support/credit-run.ts';
import { PLAN_ZONES } from '../support/credit-plans.ts';

const CREDIT = 1_000_000n;
const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-01-30T09:30:00.000Z');
const HORIZON_MS = addCalendar('UTC', NOW_MS, { months: 120 });

const hoursLong = fc.constantFrom(600, 672, 700, 719, 720, 743, 744, 745, 768, 792, 793, 900);
const plan = fc.record({
  zone: fc.constantFrom(...PLAN_ZONES),
  nextZone: fc.option(fc.constantFrom('Pacific/Kiritimati', 'Pacific/Pago_Pago'), { freq: 3 }),
  cycleDay: fc.integer({ min: 1, max: 31 }),
  everyCycle: fc.constantFrom(0n, 720n, 744n),
  used: fc.constantFrom(0n, 0n, 1n, 400n, 800n),
  /** How long a full recurring grant, or a lasting lot, pays for what runs. */
  paidHours: hoursLong,
  isRunning: fc.boolean(),
  replicas: fc.constantFrom(1, 3),
  /** A rate to come, in percent of the running one. */
  nextRate: fc.option(
    fc.record({ inDays: fc.nat({ max: 900 }), percent: fc.constantFrom(50, 103, 150) }),
  ),
  once: fc.array(
    fc.record({
      credits: fc.constantFrom(1n, 500n, 90_000n, 100_000n),
      lastsDays: fc.option(fc.integer({ min: 1, max: 4_000 })),
      priority: fc.constantFrom(1, 100, 200),
    }),
    { maxLength: 2 },
  ),
  negative: fc.constantFrom(0n, -10n, -700n),
});
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never;

function aLot(account: Account, credits: bigint, values: Partial<Lot>): Lot {
  return {
    allocationId: account.state.lastLocalId + 1,
    state: 'PENDING',
    amountMicro: credits * CREDIT,
    spentMicro: 0n,
    priority: 100,
    grantAtMs: account.state.atMs,
    expiresAtMs: null,
    createdAtMs: account.state.atMs,
    seriesId: null,
    isAdjustment: false,
    ...values,
  };
}

function stateOf(plan: Plan): AccountState {
  const rateMicroPerHour = (744n * CREDIT) / BigInt(plan.paidHours * plan.replicas);
  const account = new Account(
    newAccount({
      atMs: NOW_MS,
      timeZone: plan.zone,
      cycleDay: plan.cycleDay,
      policy: {
        lowCreditMicro: 0n,
        negativeLimitMicro: plan.negative * CREDIT,
        fineTuningMinimumMicro: 0n,
      },
      rates:
        plan.nextRate === null
          ? []
          : [
              {
                hardwareId: 1,
                fromMs: NOW_MS + 1 + plan.nextRate.inDays * DAY_MS,
                rateMicroPerHour: (rateMicroPerHour * BigInt(plan.nextRate.percent)) / 100n,
                knownFromMs: NOW_MS,
              },
            ],
      alertRules: [],
    }),
  );
  const give = (lot: Lot): void => {
    account.take({ what: 'allocate', unit: 'CREDITS', lot, atMs: NOW_MS });
  };
  if (plan.everyCycle > 0n) {
    const seriesId = account.state.lastLocalId + 1;
    give(aLot(account, plan.everyCycle, { seriesId, expiresAtMs: account.state.cycle.endMs }));
  }
  for (const { credits, lastsDays, priority } of plan.once) {
    const expiresAtMs = lastsDays === null ? null : NOW_MS + lastsDays * DAY_MS;
    give(aLot(account, credits, { expiresAtMs, priority }));
  }
  const creditsMicro = plan.used * CREDIT;
  account.take({ what: 'usage', creditsMicro, runsMicro: 0n, atMs: NOW_MS });
  if (plan.nextZone !== null) account.take({ what: 'zone', timeZone: plan.nextZone, atMs: NOW_MS });
  const segment: RunningSegment = {
    accountId: 1,
    segmentId: account.state.lastLocalId + 1,
    resourceId: 1,
    hardwareId: 1,
    replicas: plan.replicas,
    rateMicroPerHour,
    fromMs: NOW_MS,
    toMs: null,
    eventSeq: null,
    postedMicro: 0n,
  };
  if (plan.isRunning) {
    const turn = { charges: [], endedSegmentIds: [], begun: segment, isRequested: false };
    account.take({ what: 'turn', turn: { ...turn, resourceId: 1 }, atMs: NOW_MS });
  }
  return account.state;
}

function balanceMicroOf({ credits }: AccountState): bigint {
  return credits.lots.reduce(
    (sum, lot) => (lot.state === 'SPENDABLE' ? sum + lot.amountMicro - lot.spentMicro : sum),
    -credits.debtMicro,
  );
}

describe('a forecast over ten years', () => {
  it('says what the clock finds when it passes all of them', () => {
    let covered = 0;
    let others = 0;
    fc.assert(
      fc.property(plan, (values) => {
        const state = stateOf(values);
        const { creditEvents } = advance(state, HORIZON_MS);
        const zeroAtMs = creditEvents.find(
          (event) =>
            event.what === 'ALERT' && event.measure === 'ZERO' && event.kind !== 'RESOLVED',
        )?.atMs;
        const stopAtMs = creditEvents.find(({ what }) => what === 'DEPLOYMENT_STOPPED')?.atMs;
        if (isCovered(state, HORIZON_MS)) covered += 1;
        else others += 1;

        expect(forecast(state)).toEqual({
          exhaustsAtMs: balanceMicroOf(state) > 0n ? (zeroAtMs ?? null) : null,
          stopsAtMs: stopAtMs ?? null,
        });
      }),
      { numRuns: 150 },
    );
    // Both kinds were among them.
    expect(Math.min(covered, others)).toBeGreaterThan(10);
  });
});
