// An account gathers lots of which nothing is left. They burden no write, but are there for what gives a charge back.

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import {
  AdjustCreditsDocument,
  AllocationsDocument,
  CreditsDocument,
  LedgerDocument,
  UndeployDocument,
  VoidAllocationDocument,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import { MICRO_PER_CREDIT } from '../../src/core/micro.ts';
import { isoInstant } from '../../src/core/range.ts';
import { Connection } from '../../src/db/connection.ts';
import { sql } from '../../src/db/sql.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  numberOf,
  recordUsage,
  register,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';

const HOUR_MS = 3_600_000;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '10');
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  await gateway.close();
});

const units = ['CREDITS', 'WORKFLOW_RUNS'] as const;
type Unit = (typeof units)[number];

/** An allocation as the account's holder thinks of it, in whole credits or runs. */
interface Lot {
  readonly unit: Unit;
  readonly amount: number;
  left: number;
  readonly priority: number;
  readonly expiresAtMs: number | null;
  /** What the API calls it; null for the rest of a reversal. */
  readonly id: string | null;
  isOver: boolean;
}

/** The holder's books. Every lot stays in them for ever. */
class Books {
  readonly lots: Lot[] = [];
  readonly entries: (readonly [kind: string, amount: number])[] = [];
  private readonly debts = { CREDITS: 0, WORKFLOW_RUNS: 0 };

  balance(unit: Unit): number {
    const left = this.spendable(unit).reduce((sum, lot) => sum + lot.left, 0);
    return left - this.debts[unit];
  }

  passTo(nowMs: number): void {
    const due = this.lots.filter(
      ({ isOver, expiresAtMs }) => !isOver && expiresAtMs !== null && expiresAtMs <= nowMs,
    );
    due.sort((a, b) => (a.expiresAtMs ?? 0) - (b.expiresAtMs ?? 0) || a.priority - b.priority);
    for (const lot of due) this.end(lot, 'EXPIRY');
  }

  add(kind: string, lot: Omit<Lot, 'left' | 'isOver'>): void {
    const paid = Math.min(this.debts[lot.unit], lot.amount);
    this.debts[lot.unit] -= paid;
    this.lots.push({ ...lot, left: lot.amount - paid, isOver: false });
    this.book(lot.unit, kind, lot.amount);
  }

  take(kind: string, unit: Unit, amount: number): void {
    let rest = amount;
    for (const lot of this.spendable(unit)) {
      const part = Math.min(lot.left, rest);
      lot.left -= part;
      rest -= part;
    }
    this.debts[unit] += rest;
    this.book(unit, kind, -amount);
  }

  giveBack(unit: Unit, amount: number): void {
    let rest = amount - Math.min(this.debts[unit], amount);
    this.debts[unit] -= amount - rest;
    for (const lot of this.spendable(unit).reverse()) {
      const part = Math.min(lot.amount - lot.left, rest);
      lot.left += part;
      rest -= part;
    }
    const made = { unit, amount: rest, left: rest, priority: 100, expiresAtMs: null, id: null };
    if (rest > 0) this.lots.push({ ...made, isOver: false });
    this.book(unit, 'REVERSAL', amount);
  }

  end(lot: Lot, kind: string): void {
    if (!lot.isOver) this.book(lot.unit, kind, -lot.left);
    Object.assign(lot, { left: 0, isOver: true });
  }

  /** In the order of spending; lots stand in that of their creation. */
  private spendable(unit: Unit): Lot[] {
    const lots = this.lots.filter((lot) => lot.unit === unit && !lot.isOver);
    return lots.sort(
      (a, b) =>
        a.priority - b.priority ||
        Math.sign((a.expiresAtMs ?? Infinity) - (b.expiresAtMs ?? Infinity)) ||
        0,
    );
  }

  private book(unit: Unit, kind: string, amount: number): void {
    if (unit === 'CREDITS' && amount !== 0) this.entries.push([kind, amount]);
  }
}

type Step =
  | {
      readonly what: 'allocate';
      readonly unit: Unit;
      readonly amount: number;
      readonly priority: number;
      readonly lastsHours: number | null;
    }
  | { readonly what: 'use'; readonly unit: Unit; readonly amount: number }
  | { readonly what: 'undo' | 'end'; readonly pick: number }
  | { readonly what: 'adjust'; readonly amount: number }
  | { readonly what: 'wait'; readonly hours: number };

const unit = fc.constantFrom(...units);
const pick = fc.nat({ max: 99 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('allocate' as const),
      unit,
      amount: fc.integer({ min: 1, max: 9 }),
      priority: fc.constantFrom(50, 100, 150),
      lastsHours: fc.constantFrom(null, null, null, null, 2, 7),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('use' as const),
      unit,
      amount: fc.integer({ min: 1, max: 11 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('undo' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('end' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('adjust' as const),
      amount: fc.constantFrom(-9, -4, 5, 8),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('wait' as const),
      hours: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** An account that does what its holder does in the books. */
class Life {
  readonly books = new Books();
  refilled = 0;
  private readonly used: {
    readonly eventId: string;
    readonly unit: Unit;
    readonly amount: number;
  }[] = [];

  private constructor(
    readonly accountId: string,
    private readonly name: string,
  ) {}

  static async begin(name: string): Promise<Life> {
    const accountId = await createAccount(gateway, { name });
    await register(
      gateway,
      accountId,
      { kind: 'GUARDRAIL', externalId: 'g', name: 'G' },
      { kind: 'WORKFLOW', externalId: 'w', name: 'W' },
    );
    return new Life(accountId, name);
  }

  async take(planned: Step, index: number): Promise<void> {
    switch (planned.what) {
      case 'allocate':
        await this.allocate(planned);
        return;
      case 'use':
        await this.use(planned, `${this.name} ${index}`);
        return;
      case 'undo':
        await this.undo(planned.pick);
        return;
      case 'end':
        await this.end(planned.pick);
        return;
      case 'adjust':
        await this.adjust(planned.amount, `${this.name} ${index}`);
        return;
      case 'wait':
        gateway.clock.moveBy(planned.hours * HOUR_MS);
        this.books.passTo(gateway.clock.nowMs());
    }
  }

  /** The balances, and what is left of each allocation, the newest first. */
  async told(): Promise<unknown> {
    const { accountId } = this;
    const { account } = await ask(gateway, AllocationsDocument, { accountId, first: 100 });
    const { account: balances } = await ask(gateway, CreditsDocument, { accountId });
    return {
      balances: [balances?.credits.remaining, balances?.workflowRuns.remaining].map(Number),
      lots: account?.allocations.nodes.map(({ unit, amount, remaining }) => [
        unit,
        Number(amount),
        Number(remaining),
      ]),
    };
  }

  known(): unknown {
    const { lots } = this.books;
    return {
      balances: units.map((unit) => this.books.balance(unit)),
      lots: lots.map(({ unit, amount, left }) => [unit, amount, left]).reverse(),
    };
  }

  async toldEntries(): Promise<unknown> {
    const kinds = ['ALLOCATION', 'USAGE', 'EXPIRY', 'VOID', 'ADJUSTMENT', 'REVERSAL'] as const;
    const { account } = await ask(gateway, LedgerDocument, {
      ...{ accountId: this.accountId, kinds, first: 200 },
    });
    return account?.ledger.nodes.map(({ kind, amount }) => [kind, Number(amount)]);
  }

  private async allocate(planned: Extract<Step, { readonly what: 'allocate' }>): Promise<void> {
    const { unit, amount, priority, lastsHours } = planned;
    const expiresAtMs = lastsHours === null ? null : gateway.clock.nowMs() + lastsHours * HOUR_MS;
    const expiresAt = expiresAtMs === null ? null : isoInstant(expiresAtMs);
    const input = { unit, priority, expiresAt };
    const id = await allocate(gateway, this.accountId, String(amount), input);
    this.books.add('ALLOCATION', { unit, amount, priority, expiresAtMs, id });
  }

  private async use(
    { unit, amount }: { readonly unit: Unit; readonly amount: number },
    eventId: string,
  ): Promise<void> {
    const occurredAt = isoInstant(gateway.clock.nowMs());
    await recordUsage(gateway, this.accountId, {
      ...{ occurredAt, eventId },
      ...(unit === 'CREDITS'
        ? { credits: String(amount), resourceKind: 'GUARDRAIL', resourceExternalId: 'g' }
        : {
            ...{ type: 'WORKFLOW_RUN', quantity: amount },
            ...{ resourceKind: 'WORKFLOW', resourceExternalId: 'w' },
          }),
    });
    this.used.push({ eventId, unit, amount });
    this.books.take('USAGE', unit, amount);
  }

  private async undo(picked: number): Promise<void> {
    const [event] = this.used.splice(picked % Math.max(1, this.used.length), 1);
    if (event === undefined) return;
    const { eventId, unit, amount } = event;
    const emptied = this.books.lots.filter(
      (lot) => !lot.isOver && lot.left === 0 && lot.expiresAtMs === null,
    );
    await ask(gateway, VoidUsageDocument, {
      ...{ accountId: this.accountId, source: 's', eventId, reason: 'x' },
    });
    this.books.giveBack(unit, amount);
    this.refilled += emptied.filter(({ left }) => left > 0).length;
  }

  private async end(picked: number): Promise<void> {
    const known = this.books.lots.filter(({ id }) => id !== null);
    const lot = known[picked % Math.max(1, known.length)];
    if (lot === undefined) return;
    await ask(gateway, VoidAllocationDocument, { id: lot.id ?? '', reason: 'x' });
    this.books.end(lot, 'VOID');
  }

  private async adjust(amount: number, idempotencyKey: string): Promise<void> {
    const { accountId, books } = this;
    const input = { accountId, amount: String(amount), reason: 'x', idempotencyKey };
    await ask(gateway, AdjustCreditsDocument, { input });
    if (amount < 0) books.take('ADJUSTMENT', 'CREDITS', -amount);
    else {
      const lot = { unit: 'CREDITS', amount, priority: 100, expiresAtMs: null, id: null } as const;
      books.add('ADJUSTMENT', lot);
    }
  }
}

describe('lots of which nothing is left', () => {
  it('are refilled, voided and listed as in books that keep every lot', async () => {
    let [lives, refilled] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 40 }), async (steps) => {
        const life = await Life.begin(`Life ${(lives += 1)}`);
        for (const [index, planned] of steps.entries()) {
          await life.take(planned, index);
          const after = steps.slice(0, index + 1);
          expect({ after, told: await life.told() }).toEqual({ after, told: life.known() });
        }
        await gateway.app.due.settleDue();
        expect(await life.toldEntries()).toEqual(life.books.entries);
        refilled += life.refilled;
      }),
      // A life is a hundred requests: the first that fails is shown as it is, with the seed that brings it back.
      { numRuns: 10, endOnFailure: true },
    );
    // It had something to show.
    expect(refilled).toBeGreaterThan(5);
  });

  it('are refilled when a deployment that they paid for ended earlier', async () => {
    // 5 and 10 credits at 10 an hour: stopped after 1.5 h. It had ended after 0.25 h: 12.5 back, of which the later lot takes 10.
    const accountId = await createAccount(gateway, { name: 'Late' });
    await allocate(gateway, accountId, '5');
    await allocate(gateway, accountId, '10');
    const id = await registerGuardrail(gateway, accountId);
    const startMs = gateway.clock.nowMs();
    await deploy(gateway, id, 'gpu');
    gateway.clock.moveBy(2 * HOUR_MS);
    await gateway.app.due.settleDue();
    await ask(gateway, UndeployDocument, { id, at: isoInstant(startMs + HOUR_MS / 4) });

    const { account } = await ask(gateway, AllocationsDocument, { accountId });
    expect(account?.allocations.nodes.map(({ remaining }) => remaining)).toEqual(['10', '2.5']);
  });

  it('are not read by a write, however many there are', async () => {
    // The one that has something left, and then those that were made meanwhile. The two that answer with what is left read the lots
    // before and after.
    const few = { recording: 1, allocating: 3, adjusting: 5, deploying: 3, undeploying: 3 };

    expect(await lotsReadBy(await withUsedUp(1))).toEqual(few);
    expect(await lotsReadBy(await withUsedUp(500))).toEqual(few);
  });
});

/** A guardrail on an account with used-up lots and one of 1,000 credits. */
async function withUsedUp(
  count: number,
): Promise<{ readonly accountId: string; readonly id: string }> {
  const accountId = await createAccount(gateway, { name: `Of ${count}` });
  const id = await registerGuardrail(gateway, accountId);
  await allocate(gateway, accountId, '1');
  await useOne(accountId);
  await asOwner(
    gateway.databaseUrl,
    sql`insert into credit_allocation (account_id, allocation_id, unit, source, amount_micro, spent_micro, priority, effective_at,
       grant_at, created_at, state)
     select account_id, 1000000 + n, unit, source, amount_micro, spent_micro, priority, effective_at, grant_at, created_at, state
     from credit_allocation, generate_series(2, ${count}::int) n
     where account_id = ${numberOf(accountId)} and spent_micro = ${MICRO_PER_CREDIT}`,
  );
  await allocate(gateway, accountId, '1000');
  return { accountId, id };
}

async function useOne(accountId: string): Promise<void> {
  await recordUsage(gateway, accountId, {
    ...{ resourceKind: 'GUARDRAIL', resourceExternalId: 'g', credits: '1' },
    occurredAt: isoInstant(gateway.clock.nowMs()),
  });
}

/** How many lots each of some writes reads. */
async function lotsReadBy({
  accountId,
  id,
}: {
  readonly accountId: string;
  readonly id: string;
}): Promise<Readonly<Record<string, number>>> {
  const adjustment = { accountId, amount: '5', reason: 'x', idempotencyKey: 'x' };
  const writes: Readonly<Record<string, () => Promise<unknown>>> = {
    recording: () => useOne(accountId),
    allocating: () => allocate(gateway, accountId, '5'),
    adjusting: () => ask(gateway, AdjustCreditsDocument, { input: adjustment }),
    deploying: () => deploy(gateway, id, 'gpu'),
    undeploying: () => {
      gateway.clock.moveBy(HOUR_MS);
      return undeploy(gateway, id);
    },
  };
  const read: Record<string, number> = {};
  for (const [name, write] of Object.entries(writes)) read[name] = await countLots(write);
  return read;
}

/** How many lots the statements bring that read an account's credits. */
async function countLots(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the connection below
  const { run } = Connection.prototype;
  jest.spyOn(Connection.prototype, 'run').mockImplementation(async function (
    this: Connection,
    group,
  ) {
    const answer = await run.call(this, group);
    for (const { rows } of answer.results) {
      const lots = rows[0]?.['lots'];
      if (Array.isArray(lots)) count += lots.length;
    }
    return answer;
  });
  await work();
  jest.restoreAllMocks();
  return count;
}
