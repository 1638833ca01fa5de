// Accounts with statements, and the statements as they are handed out.

import type { SignedStatement } from '../../src/statements/document.ts';
import {
  AdjustCreditsDocument,
  RegisterModelDocument,
  StatementsDocument,
  type StatementsQuery,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import {
  allocate,
  ask,
  createAccount,
  deployGuardrail,
  moveClock,
  recordUsage,
  undeploy,
} from './account.ts';
import type { TestGateway } from './gateway.ts';

type Listed = NonNullable<StatementsQuery['account']>['statements']['nodes'][number];

export async function statementsOf(
  gateway: TestGateway,
  accountId: string,
  key?: string,
): Promise<readonly Listed[]> {
  const { account } = await ask(gateway, StatementsDocument, { accountId, first: 100 }, key);
  return account?.statements.nodes ?? [];
}

async function signed(gateway: TestGateway, url: string): Promise<SignedStatement> {
  const answer = await gateway.http
    .get(url)
    .set('authorization', `Bearer ${gateway.operatorKey}`)
    .expect(200);
  return JSON.parse(answer.text) as SignedStatement;
}

/** Statements of an account as they are handed out, the oldest first. */
export async function issued(
  gateway: TestGateway,
  accountId: string,
): Promise<readonly SignedStatement[]> {
  await gateway.app.issuing.issueAll();
  const listed = [...(await statementsOf(gateway, accountId))].reverse();
  return Promise.all(listed.map(({ url }) => signed(gateway, url)));
}

/** Four cycles from March to June 2026 in which everything happens; in July nothing has yet. */
export async function fourCycles(gateway: TestGateway, externalId: string): Promise<string> {
  const id = await createAccount(gateway, { externalId, testClock: '2026-03-01T00:00:00Z' });
  await allocate(gateway, id, '100', { everyCycle: true, source: 'PLAN' });
  await allocate(gateway, id, '50', { source: 'TOP_UP', priority: 200 });
  const g = await deployGuardrail(gateway, id, 'gpu');
  await ask(gateway, RegisterModelDocument, {
    input: { accountId: id, externalId: 'm', name: 'Model', type: 'FINE_TUNED' },
  });
  await moveClock(gateway, id, '2026-03-01T10:00:00Z');
  await undeploy(gateway, g);
  const processing = { resourceKind: 'GUARDRAIL', resourceExternalId: 'g' } as const;
  const march = '2026-03-01T09:00:00Z';
  for (const eventId of ['a', 'b']) {
    await recordUsage(gateway, id, { ...processing, eventId, credits: '1.5', occurredAt: march });
  }
  await recordUsage(gateway, id, {
    ...{ type: 'FINE_TUNING', modelExternalId: 'm', credits: '4', occurredAt: march },
  });
  await takeBack(gateway, id, 'a');
  await ask(gateway, AdjustCreditsDocument, {
    input: { accountId: id, amount: '-2', reason: 'r', idempotencyKey: 'down' },
  });
  await moveClock(gateway, id, '2026-04-10T00:00:00Z');
  const april = '2026-04-10T00:00:00Z';
  await recordUsage(gateway, id, {
    ...{ ...processing, eventId: 'much', credits: '160', occurredAt: april },
  });
  // Both concern March, whose statement is closed.
  await takeBack(gateway, id, 'b');
  await recordUsage(gateway, id, {
    ...{ type: 'STORAGE', modelExternalId: 'm', credits: '2', occurredAt: march },
  });
  await moveClock(gateway, id, '2026-06-05T00:00:00Z');
  await takeBack(gateway, id, 'much');
  await moveClock(gateway, id, '2026-07-01T00:00:00Z');
  return id;
}

async function takeBack(gateway: TestGateway, accountId: string, eventId: string): Promise<void> {
  await ask(gateway, VoidUsageDocument, { accountId, source: 's', eventId, reason: 'r' });
}
