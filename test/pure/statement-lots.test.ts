// What a statement says is left of each allocation, found from the ledger, is what the account's clock had left of it at that instant.

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CycleClosed } from '../../src/engine/credit-event.ts';
import type { LedgerLine } from '../../src/engine/ledger.ts';
import { leftOf, type Lot } from '../../src/engine/lots.ts';
import { endOfCycle, type KnownLot, type LotMove } from '../../src/statements/lots.ts';
import { type CreditPlan, creditPlan } from '../support/credit-plans.ts';
import { Account, accountOf, happenAll, type Write } from '../support/credit-run.ts';

/** How many milliseconds one of the plan is: up to hours, so that a plan lasts some months. */
const stretches = fc.constantFrom(1, 60_000, 3_600_000);

type Left = Readonly<Record<number, bigint>>;

/** A reversal refills a lot, hosting uses it up and it is voided, all in one millisecond: the void has no entry. */
const VOIDED_JUST_AFTER: CreditPlan = {
  zone: 'Europe/Berlin',
  cycleDay: 1,
  boundaryMs: Date.parse('2026-02-28T23:00:00Z'),
  beforeMs: 10,
  unitMicro: 1n,
  rates: [{ hardware: 1, inMs: 0, burn: 10, aheadMs: 0 }],
  low: 0,
  negative: 0,
  alertRules: [],
  steps: [
    { gap: { ms: 10 }, write: { what: 'usage', units: 1, runs: 0 } },
    {
      gap: { ms: 1 },
      write: {
        what: 'allocate',
        isRuns: false,
        units: 100,
        priority: 50,
        startsIn: 0,
        lasts: null,
        everyCycle: false,
      },
    },
    { gap: { planned: -1 }, write: { what: 'reverse', pick: 0 } },
    {
      gap: { ms: 0 },
      write: { what: 'hosting', call: 'start', resource: 1, hardware: 1, replicas: 1, lateMs: 10 },
    },
    { gap: { ms: 0 }, write: { what: 'void', pick: 0 } },
  ],
};

/** An account that notes what is left of its credits whenever a cycle ends, and when its lots were voided. */
class Watched {
  readonly account: Account;
  readonly leftAtEnds: Left[] = [];
  readonly starts: number[] = [];
  private readonly voidedAt = new Map<number, number>();
  private readonly ofRuns = new Set<number>();

  constructor(begin: Account['state']) {
    this.account = new Account(begin);
    this.starts.push(begin.cycle.startMs);
  }

  take(write: Write): void {
    this.passTo(write.atMs);
    if (write.what === 'void') {
      const lots = this.account.lotsOf(write.unit);
      const isLive = lots.some((lot) => lot.allocationId === write.allocationId);
      if (isLive) this.voidedAt.set(write.allocationId, write.atMs);
    }
    if (write.what === 'allocate' && write.unit === 'WORKFLOW_RUNS') {
      this.ofRuns.add(write.lot.allocationId);
    }
    this.account.take(write);
  }

  passTo(atMs: number): void {
    while (this.account.state.cycle.endMs <= atMs) {
      const { endMs } = this.account.state.cycle;
      this.account.settle(endMs);
      // Grants of that instant are of the next cycle.
      const lots = this.account.state.credits.lots.filter(
        (lot) => lot.state === 'SPENDABLE' && lot.grantAtMs < endMs && leftOf(lot) > 0n,
      );
      this.leftAtEnds.push(Object.fromEntries(lots.map((lot) => [lot.allocationId, leftOf(lot)])));
      this.starts.push(endMs);
    }
  }

  /** Its allocations of credits as rows would be at the end of everything. */
  known(): readonly KnownLot[] {
    const { over, made } = this.account;
    for (const { unit, lot } of made) {
      if (unit === 'WORKFLOW_RUNS') this.ofRuns.add(lot.allocationId);
    }
    const returned = new Set(made.flatMap(({ lot }) => (lot.isAdjustment ? lot.allocationId : [])));
    const lots: readonly Lot[] = [...over, ...this.account.lotsOf('CREDITS')];
    return lots
      .filter(({ allocationId }) => !this.ofRuns.has(allocationId))
      .map((lot) => ({
        ...lot,
        source: 'PLAN',
        effectiveAtMs: lot.grantAtMs,
        voidedAtMs: this.voidedAt.get(lot.allocationId) ?? null,
        isReturn: returned.has(lot.allocationId),
      }));
  }
}

function movesOf(lines: readonly LedgerLine[]): readonly LotMove[] {
  const moves: LotMove[] = [];
  let usedMicro = 0n;
  for (const line of lines) {
    if (line.kind === 'USAGE') usedMicro -= line.amountMicro;
    else {
      moves.push({ ...line, usedMicro });
      usedMicro = 0n;
    }
  }
  return moves;
}

it('is what the clock had left when the cycle ended', async () => {
  let [cycles, given] = [0, 0];
  await fc.assert(
    fc.asyncProperty(creditPlan, stretches, async (plan, stretch) => {
      const { writes } = happenAll(plan, stretch);
      const watched = new Watched(accountOf(plan, stretch));
      for (const write of writes) watched.take(write);
      watched.passTo(watched.account.state.cycle.endMs);
      const { lines, creditEvents } = watched.account;
      const known = watched.known();
      const closed = creditEvents.filter((one): one is CycleClosed => one.what === 'CYCLE_CLOSED');

      let before = new Map<number, bigint>();
      let openingMicro = 0n;
      for (const [index, { cycle, credits }] of closed.entries()) {
        const { closingMicro, ...sums } = credits;
        const ofCycle = lines.filter(({ cycleId }) => cycleId === cycle.cycleId);
        const fromMs = watched.starts[index] ?? 0;
        const lots = { fromMs, openingMicro, before, known, moves: movesOf(ofCycle) };
        const ended = await endOfCycle(lots, () => Promise.resolve());
        const left = ended.lots.filter(({ remainingMicro }) => remainingMicro > 0n);
        before = new Map(left.map(({ lot, remainingMicro }) => [lot.allocationId, remainingMicro]));
        openingMicro = closingMicro;
        cycles += 1;
        given += ofCycle.filter(({ kind }) => kind === 'REVERSAL').length;

        expect(Object.fromEntries(before)).toEqual(watched.leftAtEnds[index]);
        expect({ sums: ended.sums, closingMicro: ended.closingMicro }).toEqual({
          sums,
          closingMicro,
        });
      }
    }),
    { numRuns: 400, examples: [[VOIDED_JUST_AFTER, 1]] },
  );

  // It had something to show.
  expect(cycles).toBeGreaterThan(400);
  expect(given).toBeGreaterThan(100);
});
