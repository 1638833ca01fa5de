import { describe, expect, it } from '@jest/globals';
import { advance, forecast } from '../../src/engine/clock.ts';
import type { RunningSegment } from '../../src/engine/burn.ts';
import type { Lot } from '../../src/engine/lots.ts';
import { creditStateOf } from '../../src/engine/limits.ts';
import type { AccountState } from '../../src/engine/state.ts';
import type { AlertRule } from '../../src/engine/alert-rules.ts';
import { Account, anAlertRule, newAccount, type Write } from '../support/credit-run.ts';
import { alertsOf, closedOf } from '../support/credit-views.ts';

const CREDIT = 1_000_000n;
const HOUR_MS = 3_600_000;
const NOON_MS = Date.parse('2026-03-10T12:00:00.000Z');

const LOW = 1;
const ZERO = 2;
const NEGATIVE = 3;

interface Beginning {
  readonly atMs?: number;
  readonly timeZone?: string;
  readonly low?: bigint;
  readonly negative?: bigint;
  readonly alertRules?: readonly AlertRule[];
}

/** An account without credits, in UTC, whose cycle begins on the 1st; rule ids 1 to 3 are its limits. */
function begin({ alertRules = [], ...rest }: Beginning = {}): Account {
  const { atMs = NOON_MS, timeZone = 'UTC', low = 0n, negative = 0n } = rest;
  const policy = {
    lowCreditMicro: low * CREDIT,
    negativeLimitMicro: negative * CREDIT,
    fineTuningMinimumMicro: 0n,
  };
  return new Account(newAccount({ atMs, timeZone, cycleDay: 1, policy, alertRules, rates: [] }));
}

function write(account: Account, values: WriteNow, atMs = account.state.atMs): void {
  account.take({ ...values, atMs });
}
type WriteNow = Write extends infer W ? (W extends Write ? Omit<W, 'atMs'> : never) : never;

/** Gives credits, from now on. @returns the lot's id */
function give(account: Account, credits: bigint, values: Partial<Lot> = {}): number {
  const { atMs, lastLocalId } = account.state;
  const lot: Lot = {
    allocationId: lastLocalId + 1,
    state: 'PENDING',
    amountMicro: credits * CREDIT,
    spentMicro: 0n,
    priority: 100,
    grantAtMs: atMs,
    expiresAtMs: null,
    createdAtMs: atMs,
    seriesId: null,
    isAdjustment: false,
    ...values,
  };
  write(account, { what: 'allocate', unit: 'CREDITS', lot });
  return lot.allocationId;
}

function giveEveryCycle(account: Account, credits: bigint): number {
  const seriesId = account.state.lastLocalId + 1;
  return give(account, credits, { seriesId, expiresAtMs: account.state.cycle.endMs });
}

function use(account: Account, creditsMicro: bigint): void {
  write(account, { what: 'usage', creditsMicro, runsMicro: 0n });
}

function giveBack(account: Account, creditsMicro: bigint): void {
  write(account, { what: 'reverse', creditsMicro, runsMicro: 0n });
}

/** Deploys a resource of its own. */
function deploy(account: Account, rateMicroPerHour: bigint, replicas = 1, hardwareId = 1): void {
  const { atMs, lastLocalId } = account.state;
  const begun: RunningSegment = {
    accountId: 1,
    segmentId: lastLocalId + 1,
    resourceId: lastLocalId + 1_000,
    hardwareId,
    replicas,
    rateMicroPerHour,
    fromMs: atMs,
    toMs: null,
    eventSeq: null,
    postedMicro: 0n,
  };
  const turn = { charges: [], endedSegmentIds: [], begun, isRequested: false };
  write(account, { what: 'turn', turn: { ...turn, resourceId: begun.resourceId } });
}

function threshold(ruleId: number, measure: AlertRule['measure'], value: bigint): AlertRule {
  return anAlertRule({ ruleId, measure, valueMicro: value * CREDIT });
}

function balanceOf(account: Account): bigint {
  return account.state.credits.lots
    .filter((lot) => lot.state === 'SPENDABLE')
    .reduce((sum, lot) => sum + lot.amountMicro - lot.spentMicro, -account.state.credits.debtMicro);
}

function stateOf(account: Account): string {
  const { credits, policy } = account.state;
  return creditStateOf(credits.hasBegun, balanceOf(account), policy);
}

/** Kind and instant of each alert, the instant in hours after the beginning. */
function told(account: Account): readonly (readonly [string, number])[] {
  return alertsOf(account).map((alert) => [alert.kind, (alert.atMs - NOON_MS) / HOUR_MS]);
}

function kinds(account: Account): readonly string[] {
  return alertsOf(account).map((alert) => alert.kind);
}

function lines(account: Account): readonly (readonly [string, bigint])[] {
  return account.lines.map((line) => [line.kind, line.amountMicro]);
}

function spentOf(account: Account): Readonly<Record<number, bigint>> {
  return Object.fromEntries(
    account.lotsOf('CREDITS').map((lot) => [lot.allocationId, lot.spentMicro]),
  );
}

describe('300 credits, low at 50, the limit at -25, three deployments of 100 credits an hour together', () => {
  // 2 x 10 + 30 + 50 = 100 credits an hour: 250 are used after 2.5 h, 300 after 3 h, 325 after 3.25 h.
  function three(): Account {
    const account = begin({ low: 50n, negative: -25n });
    give(account, 300n);
    deploy(account, 10n * CREDIT, 2);
    deploy(account, 30n * CREDIT);
    deploy(account, 50n * CREDIT);
    return account;
  }

  it('are LOW after 2.5 hours, EXHAUSTED after 3, and stopped after 3.25', () => {
    const account = three();
    account.settle(NOON_MS + 365 * 24 * HOUR_MS);

    expect(told(account)).toEqual([
      ['LOW_CREDITS', 2.5],
      ['CREDITS_EXHAUSTED', 3],
      ['NEGATIVE_LIMIT_REACHED', 3.25],
    ]);
    expect(alertsOf(account)[2]?.stoppedResourceIds).toEqual([1_001, 1_002, 1_003]);
  });

  it('are charged to the stop and not past it, however late the clock is', () => {
    const account = three();
    account.settle(NOON_MS + 20 * 24 * HOUR_MS);

    expect(lines(account)).toEqual([
      ['ALLOCATION', 300n * CREDIT],
      ['USAGE', -325n * CREDIT],
    ]);
    expect(account.lines[1]?.bookedAtMs).toBe(NOON_MS + 3.25 * HOUR_MS);
    expect(account.ended.map(({ postedMicro }) => postedMicro)).toEqual([
      65n * CREDIT,
      97_500_000n,
      162_500_000n,
    ]);
    expect(account.state.running).toEqual([]);
  });

  it('are forecast to be used up after 3 hours and stopped after 3.25', () => {
    expect(forecast(three().state)).toEqual({
      exhaustsAtMs: NOON_MS + 3 * HOUR_MS,
      stopsAtMs: NOON_MS + 3.25 * HOUR_MS,
    });
  });

  it('are not LOW a millisecond before', () => {
    const account = three();
    account.settle(NOON_MS + 2.5 * HOUR_MS - 1);
    expect(kinds(account)).toEqual([]);

    account.settle(NOON_MS + 2.5 * HOUR_MS);
    expect(kinds(account)).toEqual(['LOW_CREDITS']);
  });
});

describe('a threshold', () => {
  it('is reached by equality, not a micro-credit earlier', () => {
    const account = begin({ alertRules: [threshold(4, 'CREDITS_REMAINING', 100n)] });
    give(account, 300n);
    use(account, 199_999_999n);
    expect(kinds(account)).toEqual([]);

    use(account, 1n);
    expect(alertsOf(account)).toEqual([
      expect.objectContaining({ kind: 'CREDIT_THRESHOLD', measuredMicro: 100n * CREDIT }),
    ]);
  });

  it('on percents is reached at exactly that part of what the cycle has to spend', () => {
    // 70 % of 300 is 210.
    const account = begin({ alertRules: [threshold(4, 'CREDITS_USED_PERCENT', 70n)] });
    give(account, 300n);
    use(account, 209_999_999n);
    expect(kinds(account)).toEqual([]);

    use(account, 1n);
    expect(alertsOf(account)[0]?.measuredMicro).toBe(70n * CREDIT);
  });

  it('fires in the order of the design when one event jumps past several', () => {
    // 300 - 330 = -30: past 200, 100, 50 % and 90 %, low 50, zero and -25. The stop is not expected any more.
    const account = begin({
      low: 50n,
      negative: -25n,
      alertRules: [
        threshold(4, 'HOURS_TO_STOP', 1n),
        threshold(5, 'CREDITS_USED_PERCENT', 90n),
        threshold(6, 'CREDITS_REMAINING', 100n),
        threshold(7, 'CREDITS_USED_PERCENT', 50n),
        threshold(8, 'CREDITS_REMAINING', 200n),
      ],
    });
    give(account, 300n);
    deploy(account, CREDIT);
    use(account, 330n * CREDIT);

    expect(alertsOf(account).map(({ ruleId }) => ruleId)).toEqual([
      8,
      6,
      7,
      5,
      LOW,
      ZERO,
      NEGATIVE,
    ]);
    expect(alertsOf(account).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(account.state.running).toEqual([]);
  });

  it('fires once more when a cycle begins, limits do not', () => {
    const account = begin({ low: 50n, alertRules: [threshold(4, 'CREDITS_REMAINING', 100n)] });
    give(account, 300n);
    use(account, 260n * CREDIT);
    account.settle(Date.parse('2026-04-01T00:00:00.000Z'));

    expect(alertsOf(account).map(({ ruleId, atMs }) => [ruleId, atMs])).toEqual([
      [4, NOON_MS],
      [LOW, NOON_MS],
      [4, Date.parse('2026-04-01T00:00:00.000Z')],
    ]);
    expect(account.state.alertRules[3]?.openAlert).toBe(3);
  });

  it('does not fire again at the begin of a cycle whose grant lifts it', () => {
    // The cycle's 300 come back at its begin: 40 left expire, then 300.
    const account = begin({ alertRules: [threshold(4, 'CREDITS_REMAINING', 100n)] });
    giveEveryCycle(account, 300n);
    use(account, 260n * CREDIT);
    account.settle(Date.parse('2026-04-01T00:00:00.000Z'));

    expect(kinds(account)).toEqual(['CREDIT_THRESHOLD', 'RESOLVED']);
  });

  it('is resolved by an alert that names the one that no longer holds', () => {
    const account = begin({ low: 50n, alertRules: [threshold(4, 'CREDITS_REMAINING', 100n)] });
    give(account, 300n);
    use(account, 260n * CREDIT);
    give(account, 50n);
    give(account, 50n);

    // 40 left, then 90: the limit of 50 is resolved; then 140: the threshold of 100.
    expect(
      alertsOf(account).map(({ kind, ruleId, resolves, measuredMicro }) => [
        kind,
        ruleId,
        resolves,
        measuredMicro,
      ]),
    ).toEqual([
      ['CREDIT_THRESHOLD', 4, null, 40n * CREDIT],
      ['LOW_CREDITS', LOW, null, null],
      ['RESOLVED', LOW, 2, null],
      ['RESOLVED', 4, 1, 140n * CREDIT],
    ]);
  });

  it('that is reached already when it is created fires at once', () => {
    const account = begin();
    give(account, 300n);
    write(account, { what: 'rule', rule: threshold(9, 'CREDITS_REMAINING', 300n) });

    expect(told(account)).toEqual([['CREDIT_THRESHOLD', 0]]);
  });

  it('on percents counts as reached in debt when nothing is allocated', () => {
    // Before a new cycle: 10 given, 30 used. It begins with -20 carried over: nothing to spend, in debt.
    const account = begin({
      negative: -50n,
      alertRules: [threshold(4, 'CREDITS_USED_PERCENT', 500n)],
    });
    give(account, 10n);
    use(account, 30n * CREDIT);
    expect(alertsOf(account).filter(({ ruleId }) => ruleId === 4)).toEqual([]);

    account.settle(Date.parse('2026-04-01T00:00:00.000Z'));
    expect(alertsOf(account).filter(({ ruleId }) => ruleId === 4)).toEqual([
      expect.objectContaining({ kind: 'CREDIT_THRESHOLD', measuredMicro: null }),
    ]);
  });
});

describe('before the first lot', () => {
  it('an account is EXHAUSTED and has no alerts', () => {
    const account = begin({ low: 50n, alertRules: [threshold(4, 'CREDITS_REMAINING', 500n)] });
    use(account, 10n * CREDIT);
    deploy(account, CREDIT);
    account.settle(NOON_MS + HOUR_MS);

    expect(stateOf(account)).toBe('EXHAUSTED');
    expect(account.state.running).toHaveLength(1);
    expect(kinds(account)).toEqual([]);
  });

  it('nothing is reached; just after it thresholds fire, and limits only when they are crossed', () => {
    const account = begin({ low: 50n, alertRules: [threshold(4, 'CREDITS_REMAINING', 500n)] });
    use(account, 10n * CREDIT);
    // -10 + 40 = 30 is below 500 and below 50.
    give(account, 40n);
    expect(kinds(account)).toEqual(['CREDIT_THRESHOLD']);
    expect(stateOf(account)).toBe('LOW');

    // 130, which resolves nothing, then 40.
    give(account, 100n);
    use(account, 90n * CREDIT);
    expect(kinds(account)).toEqual(['CREDIT_THRESHOLD', 'LOW_CREDITS']);
  });

  it('credits do not count as begun by a lot that waits', () => {
    const account = begin({ alertRules: [threshold(4, 'CREDITS_REMAINING', 500n)] });
    give(account, 100n, { grantAtMs: NOON_MS + HOUR_MS });
    expect(kinds(account)).toEqual([]);

    account.settle(NOON_MS + 2 * HOUR_MS);
    expect(told(account)).toEqual([['CREDIT_THRESHOLD', 1]]);
  });
});

describe('the stop', () => {
  it('comes at the first whole millisecond at which the limit is reached', () => {
    // 7 credits an hour from 1 credit down to -0.5: 1,500,000 x 3,600,000 / 7,000,000 = 771,428.57 ms.
    const account = begin({ negative: 0n });
    write(account, {
      what: 'policy',
      policy: {
        lowCreditMicro: 0n,
        negativeLimitMicro: -500_000n,
        fineTuningMinimumMicro: 0n,
      },
    });
    give(account, 1n);
    deploy(account, 7n * CREDIT);
    account.settle(NOON_MS + HOUR_MS);

    expect(account.ended.map(({ toMs }) => toMs)).toEqual([NOON_MS + 771_429]);
    // floor(7,000,000 x 771,429 / 3,600,000) = floor(1,500,000.83).
    expect(balanceOf(account)).toBe(-500_000n);
  });

  it('is expected at once when eight GPUs are deployed', () => {
    // 100 to spend and 20 of debt allowed: 120 h of one GPU at one credit an hour, 15 h of eight.
    const account = begin({ negative: -20n, alertRules: [threshold(4, 'HOURS_TO_STOP', 24n)] });
    give(account, 100n);
    deploy(account, CREDIT);
    expect(kinds(account)).toEqual([]);

    deploy(account, CREDIT, 7);
    expect(alertsOf(account)).toEqual([
      expect.objectContaining({
        kind: 'STOP_EXPECTED',
        atMs: NOON_MS,
        measuredMicro: 15n * CREDIT,
      }),
    ]);
  });

  it('is expected exactly 24 hours before it, when time alone brings it near', () => {
    const account = begin({ negative: -20n, alertRules: [threshold(4, 'HOURS_TO_STOP', 24n)] });
    give(account, 100n);
    deploy(account, CREDIT);
    account.settle(NOON_MS + 119 * HOUR_MS);

    expect(told(account)).toEqual([
      ['STOP_EXPECTED', 96],
      ['LOW_CREDITS', 100],
      ['CREDITS_EXHAUSTED', 100],
    ]);
  });

  it('does not resolve what expected it', () => {
    const account = begin({ alertRules: [threshold(4, 'HOURS_TO_STOP', 24n)] });
    give(account, 100n);
    deploy(account, CREDIT);
    account.settle(NOON_MS + 200 * HOUR_MS);
    expect(kinds(account)).toEqual([
      'STOP_EXPECTED',
      'LOW_CREDITS',
      'CREDITS_EXHAUSTED',
      'NEGATIVE_LIMIT_REACHED',
    ]);

    give(account, 100n);
    expect(
      alertsOf(account)
        .slice(4)
        .map(({ resolves }) => resolves),
    ).toEqual([1, 2, 3, 4]);
  });

  it('is expected when a rate becomes known, not when it takes effect', () => {
    // 1 credit an hour, 100 left: 100 h. From hour 10 on it is 30 an hour, known since hour 5: 10 + 90 / 30 = hour 13.
    const account = begin({ alertRules: [threshold(4, 'HOURS_TO_STOP', 9n)] });
    const rates = [
      { hardwareId: 1, fromMs: 0, rateMicroPerHour: CREDIT, knownFromMs: -Infinity },
      {
        hardwareId: 1,
        fromMs: NOON_MS + 10 * HOUR_MS,
        rateMicroPerHour: 30n * CREDIT,
        knownFromMs: NOON_MS + 5 * HOUR_MS,
      },
    ];
    give(account, 100n);
    write(account, { what: 'rates', rates });
    deploy(account, CREDIT);
    account.settle(NOON_MS + 20 * HOUR_MS);

    expect(alertsOf(account)[0]).toEqual(
      expect.objectContaining({
        kind: 'STOP_EXPECTED',
        atMs: NOON_MS + 5 * HOUR_MS,
        measuredMicro: 8n * CREDIT,
      }),
    );
    expect(account.ended.at(-1)?.toMs).toBe(NOON_MS + 13 * HOUR_MS);
  });

  it('is expected by each threshold in the order of their ids, whatever their hours', () => {
    const account = begin({
      alertRules: [threshold(4, 'HOURS_TO_STOP', 24n), threshold(5, 'HOURS_TO_STOP', 12n)],
    });
    give(account, 100n);
    deploy(account, 10n * CREDIT);

    expect(alertsOf(account).map(({ ruleId }) => ruleId)).toEqual([4, 5]);
  });

  it('is not forecast while a deployment is only requested', () => {
    const account = begin();
    give(account, 100n, { expiresAtMs: NOON_MS + HOUR_MS });
    const turn = { charges: [], endedSegmentIds: [], begun: null, isRequested: true };
    write(account, { what: 'turn', turn: { ...turn, resourceId: 1 } });

    expect(forecast(account.state)).toEqual({ exhaustsAtMs: NOON_MS + HOUR_MS, stopsAtMs: null });
  });

  it('gives back what was charged past a stop that is reported late', () => {
    // 100 credits at 10 an hour stop after 10 h. That it had ended after 4 h gives 60 back.
    const account = begin();
    give(account, 100n);
    deploy(account, 10n * CREDIT);
    account.settle(NOON_MS + 12 * HOUR_MS);
    const [segment] = account.ended;
    write(account, {
      what: 'turn',
      turn: {
        charges: [{ segmentId: segment?.segmentId ?? 0, chargedMicro: -60n * CREDIT }],
        endedSegmentIds: [],
        begun: null,
        resourceId: 1_001,
        isRequested: false,
      },
    });

    expect(lines(account)).toEqual([
      ['ALLOCATION', 100n * CREDIT],
      ['USAGE', -100n * CREDIT],
      ['REVERSAL', 60n * CREDIT],
    ]);
    expect(stateOf(account)).toBe('OK');
  });
});

describe('rates of two hardware profiles that change at one instant', () => {
  it('are one entry of what ran until then', () => {
    // 2 + 3 credits an hour for two hours.
    const account = begin();
    give(account, 100n);
    deploy(account, 2n * CREDIT);
    deploy(account, 3n * CREDIT, 1, 2);
    const rates = [1, 2].map((hardwareId) => ({
      hardwareId,
      fromMs: NOON_MS + 2 * HOUR_MS,
      rateMicroPerHour: CREDIT,
      knownFromMs: NOON_MS,
    }));
    write(account, { what: 'rates', rates });
    account.settle(NOON_MS + 2 * HOUR_MS);

    expect(lines(account).slice(1)).toEqual([['USAGE', -10n * CREDIT]]);
    expect(account.lines[1]?.segments).toHaveLength(2);
  });
});

describe('very many and very dear deployments', () => {
  it('stop together: 1,000 of them, each rounded down by itself', () => {
    // Each is to cost one credit: 1,000,000 x 3,600,000 / 1,234,567 = 2,916,002.49 ms.
    const account = begin();
    give(account, 1_000n);
    deploy(account, 1_234_567n);
    account.state = {
      ...account.state,
      running: Array.from({ length: 1_000 }).flatMap((_, index) =>
        account.state.running.map((one) => ({ ...one, segmentId: index, resourceId: index })),
      ),
    };
    account.settle(NOON_MS + HOUR_MS);

    expect(alertsOf(account).at(-1)).toEqual(
      expect.objectContaining({ kind: 'NEGATIVE_LIMIT_REACHED', atMs: NOON_MS + 2_916_003 }),
    );
    expect(alertsOf(account).at(-1)?.stoppedResourceIds).toHaveLength(1_000);
    expect(lines(account)).toEqual([
      ['ALLOCATION', 1_000n * CREDIT],
      ['USAGE', -1_000n * CREDIT],
    ]);
    expect(account.lines[1]?.segments).toHaveLength(1_000);
  });

  it('are exact at seven million credits an hour', () => {
    // 1,944,444.4 micro-credits a millisecond: 1,000 credits last 514.28 ms; 515 cost floor(1,001,388,888.8).
    const account = begin();
    give(account, 1_000n);
    deploy(account, 7_000_000n * CREDIT);
    account.settle(NOON_MS + HOUR_MS);

    expect(account.ended.map(({ toMs }) => toMs)).toEqual([NOON_MS + 515]);
    expect(balanceOf(account)).toBe(-1_388_888n);
  });

  it('that burn nothing never end', () => {
    const account = begin({ alertRules: [threshold(4, 'HOURS_TO_STOP', 24n)] });
    give(account, 1n);
    deploy(account, 0n, 5);
    expect(forecast(account.state)).toEqual({ exhaustsAtMs: null, stopsAtMs: null });

    account.settle(Date.parse('2036-03-10T12:00:00.000Z'));
    expect(kinds(account)).toEqual([]);
    expect(balanceOf(account)).toBe(CREDIT);
  });
});

describe('lots', () => {
  it('pay the debt first', () => {
    const account = begin({ negative: -100n });
    use(account, 30n * CREDIT);
    const lot = give(account, 100n);

    expect(spentOf(account)).toEqual({ [lot]: 30n * CREDIT });
    expect(account.state.credits.debtMicro).toBe(0n);
    expect(balanceOf(account)).toBe(70n * CREDIT);
  });

  it('are spent by priority, then expiry, then creation', () => {
    const account = begin();
    const never = give(account, 10n);
    const late = give(account, 10n, { expiresAtMs: NOON_MS + 2 * HOUR_MS });
    const soon = give(account, 10n, { expiresAtMs: NOON_MS + HOUR_MS });
    const first = give(account, 10n, { priority: 50 });
    const again = give(account, 10n);
    use(account, 42n * CREDIT);

    expect(spentOf(account)).toEqual({
      [first]: 10n * CREDIT,
      [soon]: 10n * CREDIT,
      [late]: 10n * CREDIT,
      [never]: 10n * CREDIT,
      [again]: 2n * CREDIT,
    });
  });

  it('are refilled by a reversal, the last spendable first', () => {
    // 70 of 40 + 60: 40 of the first, 30 of the second. 50 back: 30 to the second, 20 to the first.
    const account = begin();
    const first = give(account, 40n, { priority: 50 });
    const second = give(account, 60n);
    use(account, 70n * CREDIT);
    giveBack(account, 50n * CREDIT);

    expect(spentOf(account)).toEqual({ [first]: 20n * CREDIT, [second]: 0n });
  });

  it('take the rest of a reversal as one of their own, without an entry of its own', () => {
    // 30 of 40 were used when the 10 left expired: no lot is there to be refilled.
    const account = begin();
    give(account, 40n, { expiresAtMs: NOON_MS + HOUR_MS });
    use(account, 30n * CREDIT);
    account.settle(NOON_MS + 2 * HOUR_MS);
    giveBack(account, 30n * CREDIT);

    expect(lines(account)).toEqual([
      ['ALLOCATION', 40n * CREDIT],
      ['USAGE', -30n * CREDIT],
      ['EXPIRY', -10n * CREDIT],
      ['REVERSAL', 30n * CREDIT],
    ]);
    expect(account.state.credits.lots).toEqual([
      expect.objectContaining({
        amountMicro: 30n * CREDIT,
        spentMicro: 0n,
        priority: 100,
        expiresAtMs: null,
        isAdjustment: true,
      }),
    ]);
    expect(account.state.credits.cycle).toEqual({
      carriedOverMicro: 0n,
      allocatedMicro: 40n * CREDIT,
      usedMicro: 0n,
      expiredMicro: 10n * CREDIT,
      adjustedMicro: 0n,
    });
  });

  it('that are taken away as an adjustment do not count as used', () => {
    const account = begin({ negative: -100n });
    give(account, 10n);
    write(account, { what: 'adjustDown', amountMicro: 15n * CREDIT });

    expect(account.state.credits.debtMicro).toBe(5n * CREDIT);
    expect(account.state.credits.cycle.usedMicro).toBe(0n);
    expect(account.state.credits.cycle.adjustedMicro).toBe(-15n * CREDIT);
  });
});

describe('the begin of a cycle', () => {
  const APRIL_MS = Date.parse('2026-04-01T00:00:00.000Z');

  it('comes after what hosting cost and what expires, and before what is granted', () => {
    // 40 used; one credit an hour for the last 10 hours; 50 of 100 expire; 100 again.
    const account = begin({ atMs: APRIL_MS - 10 * HOUR_MS });
    giveEveryCycle(account, 100n);
    use(account, 40n * CREDIT);
    deploy(account, CREDIT);
    account.settle(APRIL_MS);

    expect(account.lines.slice(2).map((line) => [line.kind, line.amountMicro, line.balanceMicro]))
      // Each with the balance after it.
      .toEqual([
        ['USAGE', -10n * CREDIT, 50n * CREDIT],
        ['EXPIRY', -50n * CREDIT, 0n],
        ['CARRY_OVER', 0n, 0n],
        ['ALLOCATION', 100n * CREDIT, 100n * CREDIT],
      ]);
    expect(closedOf(account).map(({ credits }) => credits)).toEqual([
      {
        carriedOverMicro: 0n,
        allocatedMicro: 100n * CREDIT,
        usedMicro: 50n * CREDIT,
        expiredMicro: 50n * CREDIT,
        adjustedMicro: 0n,
        closingMicro: 0n,
      },
    ]);
    // In between there was nothing left, and nobody is told.
    expect(kinds(account)).toEqual([]);
    expect(account.state.running).toHaveLength(1);
  });

  it('carries over what does not expire, and debt', () => {
    const account = begin({ atMs: APRIL_MS - 10 * HOUR_MS, negative: -100n });
    give(account, 10n);
    use(account, 25n * CREDIT);
    account.settle(APRIL_MS);

    expect(account.state.credits.cycle.carriedOverMicro).toBe(-15n * CREDIT);
  });

  it.each([
    [
      'Europe/Berlin',
      '2026-02-10T00:00:00Z',
      ['2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z', '2026-04-30T22:00:00.000Z'],
    ],
    [
      'Europe/Berlin',
      '2026-09-10T00:00:00Z',
      ['2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z', '2026-11-30T23:00:00.000Z'],
    ],
    [
      'America/New_York',
      '2026-02-10T00:00:00Z',
      ['2026-03-01T05:00:00.000Z', '2026-04-01T04:00:00.000Z', '2026-05-01T04:00:00.000Z'],
    ],
    [
      'Australia/Lord_Howe',
      '2026-03-10T00:00:00Z',
      ['2026-03-31T13:00:00.000Z', '2026-04-30T13:30:00.000Z', '2026-05-31T13:30:00.000Z'],
    ],
    [
      'Asia/Kolkata',
      '2026-03-10T00:00:00Z',
      ['2026-03-31T18:30:00.000Z', '2026-04-30T18:30:00.000Z', '2026-05-31T18:30:00.000Z'],
    ],
  ])(
    'is local midnight in %s after %s: each recurring grant lasts from one to the next',
    (...row) => {
      const [timeZone, from, begins] = row;
      const account = begin({ timeZone, atMs: Date.parse(from) });
      giveEveryCycle(account, 100n);
      account.settle(Date.parse(begins[2] ?? ''));

      const made = account.made.map(({ lot }) => new Date(lot.grantAtMs).toISOString());
      expect(made).toEqual(begins);
      expect(account.over.map(({ expiresAtMs }) => expiresAtMs)).toEqual(
        begins.map((at) => Date.parse(at)),
      );
    },
  );

  it('pays the debt by a grant that expires sooner before a recurring one, which lasts the new cycle', () => {
    // 200 given and 250 used: 50 of debt, which the 100 of the short one pay; its other 50 expire after an hour.
    const account = begin({ atMs: APRIL_MS - 10 * HOUR_MS, negative: -100n });
    giveEveryCycle(account, 200n);
    use(account, 250n * CREDIT);
    give(account, 100n, { grantAtMs: APRIL_MS, expiresAtMs: APRIL_MS + HOUR_MS });

    account.settle(APRIL_MS);
    expect(lines(account).slice(-2)).toEqual([
      ['ALLOCATION', 100n * CREDIT],
      ['ALLOCATION', 200n * CREDIT],
    ]);
    account.settle(APRIL_MS + HOUR_MS);
    expect(lines(account).slice(-1)).toEqual([['EXPIRY', -50n * CREDIT]]);
    expect(balanceOf(account)).toBe(200n * CREDIT);
  });

  it('brings no further grant once one of a recurring grant was voided', () => {
    const account = begin({ atMs: APRIL_MS - 10 * HOUR_MS });
    giveEveryCycle(account, 100n);
    account.settle(APRIL_MS);
    use(account, 30n * CREDIT);
    write(account, {
      what: 'void',
      unit: 'CREDITS',
      allocationId: account.made[0]?.lot.allocationId ?? 0,
    });
    account.settle(APRIL_MS + 100 * 24 * HOUR_MS);

    expect(lines(account).slice(4)).toEqual([
      ['USAGE', -30n * CREDIT],
      ['VOID', -70n * CREDIT],
      ['CARRY_OVER', 0n],
      ['CARRY_OVER', 0n],
      ['CARRY_OVER', 0n],
    ]);
    expect(account.made).toHaveLength(1);
  });
});

describe('a policy', () => {
  it('that puts the balance below a level is a crossing at that instant', () => {
    const account = begin();
    give(account, 30n);
    deploy(account, CREDIT);
    write(
      account,
      {
        what: 'policy',
        policy: {
          lowCreditMicro: 50n * CREDIT,
          negativeLimitMicro: 0n,
          fineTuningMinimumMicro: 0n,
        },
      },
      NOON_MS + HOUR_MS,
    );

    expect(told(account)).toEqual([['LOW_CREDITS', 1]]);
  });
});

describe('time', () => {
  it('does not go back', () => {
    const account = begin();
    give(account, 30n);
    const later: AccountState = { ...account.state, atMs: NOON_MS + HOUR_MS };

    expect(advance(later, NOON_MS).state).toBe(later);
  });
});
