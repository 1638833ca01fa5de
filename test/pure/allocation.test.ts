import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  allocatedWithin,
  newAllocation,
  parseAllocateRequest,
  type AllocateRequest,
  type CreditAllocation,
  type NewAllocation,
} from '../../src/settlement/allocation.ts';

const NOW_MS = Date.parse('2026-03-10T12:00:00Z');
const CREDITS_FROM_MS = Date.parse('2026-03-01T00:00:00Z');
const DAY_MS = 86_400_000;
/** Its cycles begin on the first of each month, in UTC. */
const ACCOUNT = {
  creditsFromMs: CREDITS_FROM_MS,
  timeZone: 'UTC',
  cycleDay: 1,
  cycle: { cycleId: 1, startMs: CREDITS_FROM_MS, endMs: Date.parse('2026-04-01T00:00:00Z') },
};

function aRequest(request: Partial<AllocateRequest> = {}): AllocateRequest {
  return { amount: '300', idempotencyKey: 'plan-2026-03', ...request };
}

function anAllocation(allocation: Partial<CreditAllocation> = {}): CreditAllocation {
  return {
    accountId: 1,
    allocationId: 1,
    unit: 'CREDITS',
    source: 'PLAN',
    amountMicro: 300_000_000n,
    spentMicro: 0n,
    priority: 100,
    effectiveAtMs: 1_000,
    expiresAtMs: null,
    voidedAtMs: null,
    note: null,
    createdAtMs: 1_000,
    grantAtMs: 1_000,
    state: 'SPENDABLE',
    seriesId: null,
    isAdjustment: false,
    isReturn: false,
    ...allocation,
  };
}

function made(request: Partial<AllocateRequest>): NewAllocation {
  const { body } = parseAllocateRequest(aRequest(request));
  return newAllocation(body, ACCOUNT, NOW_MS);
}

describe('parseAllocateRequest', () => {
  it('fills the defaults, so that a body with and without them is the same', () => {
    const spelledOut = aRequest({
      unit: 'CREDITS',
      amount: '300.00',
      source: 'TOP_UP',
      priority: 100,
      effectiveAt: null,
      expiresAt: null,
      note: null,
    });

    expect(parseAllocateRequest(aRequest())).toEqual(parseAllocateRequest(spelledOut));
  });

  it.each([
    ['amount', { amount: '0' }],
    ['amount', { amount: '-1' }],
    ['amount', { amount: '0.0000001' }],
    ['amount', { amount: '9223372036854.775808' }],
    ['amount', { amount: 'Infinity' }],
    ['amount', { amount: '10.5', unit: 'WORKFLOW_RUNS' } as const],
    ['note', { note: '' }],
    ['note', { note: 'x'.repeat(1_001) }],
    ['idempotencyKey', { idempotencyKey: '' }],
    ['idempotencyKey', { idempotencyKey: 'x'.repeat(256) }],
    ['idempotencyKey', { idempotencyKey: '\udfff' }],
  ])('refuses a %s like in %j, naming the field', (field, edge) => {
    expect(() => parseAllocateRequest(aRequest(edge))).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', argumentPath: ['input', field] }),
    );
  });

  it.each([
    [{ amount: '0.000001' }],
    [{ amount: '9223372036854.775807' }],
    [{ amount: '1.000000', unit: 'WORKFLOW_RUNS' } as const],
    [{ note: 'x'.repeat(1_000) }],
    [{ idempotencyKey: 'x'.repeat(255) }],
  ])('takes %j', (edge) => {
    expect(() => parseAllocateRequest(aRequest(edge))).not.toThrow();
  });
});

describe('newAllocation', () => {
  it('takes effect now by default and does not expire', () => {
    expect(made({})).toEqual({
      unit: 'CREDITS',
      source: 'TOP_UP',
      amountMicro: 300_000_000n,
      priority: 100,
      effectiveAtMs: NOW_MS,
      expiresAtMs: null,
      note: null,
      createdAtMs: NOW_MS,
      grantAtMs: NOW_MS,
      state: 'PENDING',
      isEveryCycle: false,
      isAdjustment: false,
    });
  });

  it('may take effect earlier or later than now', () => {
    expect(made({ effectiveAt: NOW_MS - 400 * DAY_MS }).effectiveAtMs).toBe(NOW_MS - 400 * DAY_MS);
    expect(made({ effectiveAt: NOW_MS + DAY_MS }).effectiveAtMs).toBe(NOW_MS + DAY_MS);
  });

  it('may have expired when it is history: not after creditsFrom', () => {
    const effectiveAt = CREDITS_FROM_MS - 30 * DAY_MS;

    expect(made({ effectiveAt, expiresAt: CREDITS_FROM_MS }).expiresAtMs).toBe(CREDITS_FROM_MS);
    expect(() => made({ effectiveAt, expiresAt: CREDITS_FROM_MS + 1 })).toThrow(
      "expiresAt is 2026-03-01T00:00:00.001Z; it must be after now, or, for history, not after the account's creditsFrom, 2026-03-01T00:00:00.000Z.",
    );
  });

  it('must otherwise expire after now', () => {
    const effectiveAt = NOW_MS - DAY_MS;

    expect(made({ effectiveAt, expiresAt: NOW_MS + 1 }).expiresAtMs).toBe(NOW_MS + 1);
    expect(() => made({ effectiveAt, expiresAt: NOW_MS })).toThrow('must be after now');
  });

  it('must expire after it takes effect, history too', () => {
    const effectiveAt = CREDITS_FROM_MS - DAY_MS;

    expect(made({ effectiveAt, expiresAt: effectiveAt + 1 }).expiresAtMs).toBe(effectiveAt + 1);
    expect(() => made({ effectiveAt, expiresAt: effectiveAt })).toThrow(
      'must be after effectiveAt',
    );
    expect(() => made({ effectiveAt: NOW_MS + 10, expiresAt: NOW_MS + 10 })).toThrow(
      'must be after effectiveAt',
    );
    expect(() => made({ expiresAt: CREDITS_FROM_MS })).toThrow('must be after effectiveAt');
  });
});

describe('allocatedWithin', () => {
  const inEffect = anAllocation({ effectiveAtMs: 1_000, expiresAtMs: 2_000 });

  function within(allocation: CreditAllocation, fromMs: number, toMs: number): bigint {
    return allocatedWithin([allocation], { fromMs, toMs }, 'CREDITS').sumMicro;
  }

  it('counts an allocation whose time in effect meets the range, at both edges half-open', () => {
    expect(within(inEffect, 0, 1_000)).toBe(0n);
    expect(within(inEffect, 0, 1_001)).toBe(300_000_000n);
    expect(within(inEffect, 1_999, 9_000)).toBe(300_000_000n);
    expect(within(inEffect, 2_000, 9_000)).toBe(0n);
    expect(within(anAllocation(), 900_000, 900_001)).toBe(300_000_000n);
  });

  it('counts of a voided one what was spent of it, up to the instant it was voided', () => {
    const voided = anAllocation({ voidedAtMs: 1_500, expiresAtMs: 2_000, spentMicro: 7_000_000n });

    expect(within(voided, 0, 1_001)).toBe(7_000_000n);
    expect(within(voided, 1_499, 3_000)).toBe(7_000_000n);
    expect(within(voided, 1_500, 3_000)).toBe(0n);
  });

  it('leaves one that was voided before it took effect out', () => {
    expect(within(anAllocation({ effectiveAtMs: 2_000, voidedAtMs: 1_500 }), 0, 9_000)).toBe(0n);
  });

  it('counts each unit apart', () => {
    const runs = anAllocation({ unit: 'WORKFLOW_RUNS', amountMicro: 10_000_000_000n });
    const range = { fromMs: 0, toMs: 5_000 };

    expect(allocatedWithin([inEffect, runs, runs], range, 'CREDITS')).toEqual({
      sumMicro: 300_000_000n,
      count: 1,
    });
    expect(allocatedWithin([inEffect, runs, runs], range, 'WORKFLOW_RUNS')).toEqual({
      sumMicro: 20_000_000_000n,
      count: 2,
    });
  });

  it('does not count one that was voided before anything was spent of it', () => {
    const voided = anAllocation({ voidedAtMs: 1_500, spentMicro: 0n });

    expect(allocatedWithin([voided, inEffect], { fromMs: 0, toMs: 1_400 }, 'CREDITS').count).toBe(
      1,
    );
  });

  function isInEffect(allocation: CreditAllocation, atMs: number): boolean {
    const isOver =
      (allocation.expiresAtMs !== null && atMs >= allocation.expiresAtMs) ||
      (allocation.voidedAtMs !== null && atMs >= allocation.voidedAtMs);
    return atMs >= allocation.effectiveAtMs && !isOver;
  }

  it('agrees with looking at every instant of the range', () => {
    const instant = fc.integer({ min: 0, max: 12 });
    const anyAllocation = fc.record({
      amountMicro: fc.bigInt({ min: 1n, max: 1_000n }),
      effectiveAtMs: instant,
      lasts: fc.option(fc.integer({ min: 1, max: 12 })),
      voidedAtMs: fc.option(instant),
      spentMicro: fc.bigInt({ min: 0n, max: 1n }),
    });
    fc.assert(
      fc.property(fc.array(anyAllocation, { maxLength: 5 }), instant, instant, (given, a, b) => {
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
        const allocations = given.map(({ lasts, ...rest }) =>
          anAllocation({
            ...rest,
            expiresAtMs: lasts === null ? null : rest.effectiveAtMs + lasts,
          }),
        );

        let [sumMicro, count] = [0n, 0];
        for (const allocation of allocations) {
          let isMet = false;
          for (let atMs = fromMs; atMs < toMs; atMs += 1) isMet ||= isInEffect(allocation, atMs);
          const counted =
            allocation.voidedAtMs === null ? allocation.amountMicro : allocation.spentMicro;
          if (isMet) sumMicro += counted;
          if (isMet && counted > 0n) count += 1;
        }

        expect(allocatedWithin(allocations, { fromMs, toMs }, 'CREDITS')).toEqual({
          sumMicro,
          count,
        });
      }),
    );
  });
});
