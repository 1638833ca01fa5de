import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isoInstant } from '../../src/core/range.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { itOnOneServer } from '../support/left-out.ts';
import {
  AllocateDocument,
  AllocationsDocument,
  CreateAccountDocument,
  CreateApiKeyDocument,
  VoidAllocationDocument,
  type AllocateInput,
  type AllocateMutation,
} from '@billing-gateway/client/operations';
import { statementsOf } from '../support/statements.ts';

type Allocation = AllocateMutation['allocate'];

const OF_ALL_ACCOUNTS = `query ($unit: AllocationUnit) {
  accounts(first: 100) {
    nodes { allocations(first: 2, unit: $unit) { totalCount nodes { id account { id name } } } }
  }
}`;

describe('allocations', () => {
  let gateway: TestGateway;
  let accountId: string;
  let lastKey = 0;

  beforeAll(async () => {
    gateway = await startTestGateway();
  });

  beforeEach(async () => {
    const made = await gateway.query(CreateAccountDocument, { input: { name: 'Acme' } });
    accountId = made.data.createAccount.id;
  });

  afterAll(async () => {
    await gateway.close();
  });

  function aBody(input: Partial<AllocateInput> = {}): AllocateInput {
    lastKey += 1;
    return { accountId, amount: '300', idempotencyKey: `key ${lastKey}`, ...input };
  }

  async function anAllocation(input: Partial<AllocateInput> = {}): Promise<Allocation> {
    const made = await gateway.query(AllocateDocument, { input: aBody(input) });
    if (made.errors !== undefined) throw new Error(JSON.stringify(made.errors));
    return made.data.allocate;
  }

  it('takes effect now, as a top-up of credits, by default', async () => {
    const now = isoInstant(gateway.clock.nowMs());

    expect(await anAllocation()).toMatchObject({
      unit: 'CREDITS',
      source: 'TOP_UP',
      amount: '300',
      priority: 100,
      effectiveAt: now,
      expiresAt: null,
      voidedAt: null,
      createdAt: now,
    });
  });

  it('answers the same key and body with the first result, however late', async () => {
    const input = aBody({ expiresAt: isoInstant(gateway.clock.nowMs() + 1_000) });

    const first = await gateway.query(AllocateDocument, { input });
    gateway.clock.moveBy(5_000);
    const again = await gateway.query(AllocateDocument, {
      input: { ...input, amount: '300.00', unit: 'CREDITS', priority: 100 },
    });
    const other = await gateway.query(AllocateDocument, { input: { ...input, amount: '301' } });

    expect(first.data.allocate).toMatchObject({ amount: '300', remaining: '300' });
    // It has expired meanwhile.
    expect(again.data).toEqual({ allocate: { ...first.data.allocate, remaining: '0' } });
    expect(other.errors?.[0]).toMatchObject({ extensions: { code: 'IDEMPOTENCY_CONFLICT' } });
  });

  it('makes one allocation of eight calls at once, and keys of accounts are apart', async () => {
    const input = aBody({ unit: 'WORKFLOW_RUNS', amount: '10000' });

    const answers = await Promise.all(
      Array.from({ length: 8 }, () => gateway.query(AllocateDocument, { input })),
    );
    const elsewhere = await gateway.query(CreateAccountDocument, { input: { name: 'Other' } });
    const other = await gateway.query(AllocateDocument, {
      input: { ...input, accountId: elsewhere.data.createAccount.id, amount: '5' },
    });

    expect(new Set(answers.map((answer) => answer.data.allocate.id)).size).toBe(1);
    expect(other.data.allocate.amount).toBe('5');
  });

  it('refuses what cannot be allocated', async () => {
    // A second after creditsFrom: over, and no history.
    gateway.clock.moveBy(1_000);
    const past = isoInstant(gateway.clock.nowMs());
    const refused: readonly Partial<AllocateInput>[] = [
      { amount: '0' },
      { amount: '-5' },
      { amount: '1.0000001' },
      { amount: '9223372036854.775808' },
      { amount: '1.5', unit: 'WORKFLOW_RUNS' },
      { effectiveAt: '2020-01-01T00:00:00Z', expiresAt: past },
      { expiresAt: past },
      { idempotencyKey: '' },
    ];

    for (const input of refused) {
      const answer = await gateway.query(AllocateDocument, { input: aBody(input) });
      expect([input, answer.errors?.[0]]).toEqual([
        input,
        expect.objectContaining({
          extensions: expect.objectContaining({ code: 'BAD_USER_INPUT' }),
        }),
      ]);
    }
  });

  it('takes history, which expired when the credits of the account began', async () => {
    const expiresAt = isoInstant(gateway.clock.nowMs());
    gateway.clock.moveBy(1_000);

    expect(await anAllocation({ effectiveAt: '2020-01-01T00:00:00Z', expiresAt })).toMatchObject({
      effectiveAt: '2020-01-01T00:00:00.000Z',
      expiresAt,
    });
  });

  it('refuses more than an account can hold in all', async () => {
    await anAllocation({ amount: '999999999999.999999' });

    const last = await anAllocation({ amount: '0.000001' });
    const more = await gateway.query(AllocateDocument, { input: aBody({ amount: '0.000001' }) });

    expect(last.amount).toBe('0.000001');
    expect(more.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  });

  it('refuses more grants of one cycle than an account can hold, also in the place of one that was voided', async () => {
    const plan = await anAllocation({ amount: '999999999', everyCycle: true });
    await gateway.query(VoidAllocationDocument, { id: plan.id, reason: 'another plan' });
    const inCycle = await gateway.query(AllocateDocument, {
      input: aBody({ amount: '1.000001', everyCycle: true }),
    });
    gateway.clock.moveBy(31 * 24 * 3_600_000);
    const inNext = await gateway.query(AllocateDocument, {
      input: aBody({ amount: '1000000000', everyCycle: true }),
    });

    expect(inCycle.errors?.[0]?.message).toContain('so at most 1 more');
    expect(inCycle.errors?.[0]?.extensions.path).toEqual(['input', 'amount']);
    expect(inNext.errors).toBeUndefined();
  });

  it('is voided once, with the first instant kept', async () => {
    const { id } = await anAllocation();
    const voidedAt = isoInstant(gateway.clock.nowMs());

    const first = await gateway.query(VoidAllocationDocument, { id, reason: 'a mistake' });
    gateway.clock.moveBy(1_000);
    const again = await gateway.query(VoidAllocationDocument, { id, reason: 'once more' });

    expect(first.data.voidAllocation).toMatchObject({ id, voidedAt });
    expect(again.data).toEqual(first.data);
  });

  it('is made and voided by operators alone', async () => {
    const { id } = await anAllocation();
    const made = await gateway.query(CreateApiKeyDocument, {
      input: { accountId, name: 'all but operator', scopes: ['READ_USAGE', 'INGEST', 'MANAGE'] },
    });
    const key = made.data.createApiKey.secret;

    const allocated = await gateway.query(AllocateDocument, { input: aBody() }, key);
    const voided = await gateway.query(VoidAllocationDocument, { id, reason: 'x' }, key);
    const read = await gateway.query(AllocationsDocument, {}, key);

    expect(allocated.errors?.[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(voided.errors?.[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(read.data.account?.allocations.nodes.map((node) => node.id)).toEqual([id]);
  });

  it('is listed newest first, in pages that stay right while others are added', async () => {
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) made.unshift((await anAllocation()).id);

    const first = await gateway.query(AllocationsDocument, { accountId, first: 2 });
    await anAllocation();
    const firstPage = first.data.account?.allocations;
    const after = firstPage?.pageInfo.endCursor ?? null;
    const second = await gateway.query(AllocationsDocument, { accountId, first: 10, after });

    const secondPage = second.data.account?.allocations;
    expect(firstPage).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } });
    expect(secondPage).toMatchObject({ totalCount: 6, pageInfo: { hasNextPage: false } });
    expect([firstPage, secondPage].flatMap((page) => page?.nodes.map((node) => node.id))).toEqual(
      made,
    );
  });

  it('is listed by unit', async () => {
    const credits = await anAllocation();
    const runs = await anAllocation({ unit: 'WORKFLOW_RUNS', amount: '10000' });
    const idsOf = async (unit: 'CREDITS' | 'WORKFLOW_RUNS' | null): Promise<unknown> => {
      const { data } = await gateway.query(AllocationsDocument, { accountId, unit });
      return data.account?.allocations.nodes.map((node) => node.id);
    };

    expect(await idsOf('CREDITS')).toEqual([credits.id]);
    expect(await idsOf('WORKFLOW_RUNS')).toEqual([runs.id]);
    expect(await idsOf(null)).toEqual([runs.id, credits.id]);
  });

  // On distributed tables each account is asked about apart.
  itOnOneServer('is read with three statements for any number of accounts', async () => {
    await anAllocation();
    const few = await statementsOfAllAccounts();
    for (let count = 0; count < 3; count += 1) {
      const made = await gateway.query(CreateAccountDocument, { input: { name: `More ${count}` } });
      await anAllocation({ accountId: made.data.createAccount.id });
    }

    // The accounts, the pages of their allocations, and the counts.
    expect(few).toHaveLength(3);
    expect(await statementsOfAllAccounts()).toEqual(few);
  });

  async function statementsOfAllAccounts(): Promise<readonly string[]> {
    return statementsOf(gateway.database, async () => {
      const { errors } = await gateway.query(OF_ALL_ACCOUNTS, {});
      expect(errors).toBeUndefined();
    });
  }
});
