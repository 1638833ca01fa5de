// When an account first used something. An account that only has credits and resources has used nothing.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  moveClock,
  recordUsage,
  registerGuardrail,
} from '../support/account.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { OverviewDocument, VoidUsageDocument } from '@billing-gateway/client/operations';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  await gateway.close();
});

async function firstUseOf(accountId: string): Promise<string | null | undefined> {
  const { account } = await ask(gateway, OverviewDocument, { accountId });
  return account?.firstUsedAt;
}

it('is the earliest event or hosting that is not voided, whether it was rolled up or not', async () => {
  await createHardware(gateway, 'first', '1');
  const accountId = await createAccount(gateway, { testClock: TEST_NOW });
  await allocate(gateway, accountId, '1000');
  const guardrail = await registerGuardrail(gateway, accountId);
  expect(await firstUseOf(accountId)).toBeNull();

  const taken = { source: 's', eventId: 'taken back' };
  const of = { credits: '1', resourceKind: 'GUARDRAIL', resourceExternalId: 'g' } as const;
  await recordUsage(gateway, accountId, {
    ...taken,
    ...of,
    occurredAt: '2026-03-01T00:00:00.000Z',
  });
  expect(await firstUseOf(accountId)).toBe('2026-03-01T00:00:00.000Z');
  await ask(gateway, VoidUsageDocument, { accountId, ...taken, reason: 'wrong' });
  expect(await firstUseOf(accountId)).toBeNull();

  await deploy(gateway, guardrail, 'first');
  expect(await firstUseOf(accountId)).toBe(TEST_NOW);
  await moveClock(gateway, accountId, '2026-03-15T00:00:00.000Z');
  await gateway.fold();
  expect(await firstUseOf(accountId)).toBe(TEST_NOW);

  await recordUsage(gateway, accountId, { ...of, occurredAt: '2026-03-09T00:00:00.000Z' });
  expect(await firstUseOf(accountId)).toBe('2026-03-09T00:00:00.000Z');
});
