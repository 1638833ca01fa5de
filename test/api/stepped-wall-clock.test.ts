// A gateway process whose wall clock is set two hours forward and four back while a deployment burns.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

let beside: TestGateway;
let gateway: GatewayProcess;

beforeAll(async () => {
  beside = await startTestGateway();
  gateway = await startGatewayProcess(beside.databaseUrl, OPERATOR_KEY, {
    NODE_OPTIONS: `--import ${new URL('../support/stepping-wall-clock.mjs', import.meta.url).href}`,
  });
}, 60_000);

afterAll(async () => {
  await gateway.kill();
  await beside.close();
});

async function ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
  const response = await fetch(`${gateway.origin}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

interface Entry {
  readonly kind: string;
  readonly amount: string;
  readonly bookedAt: string;
}

it('charges the time that has passed, and nothing of the hours that its wall clock jumped', async () => {
  await ask(`mutation { createHardwareProfile(input: { name: "h", kind: GPU, model: "M", vcpus: 1, gpus: 1, memoryGb: 1,
    creditsPerHour: "3600" }) { id } }`);
  const { createAccount } = await ask<{ createAccount: { id: string } }>(
    'mutation { createAccount(input: { name: "A", usageThresholds: [], hoursToStop: [] }) { id } }',
  );
  const { id } = createAccount;
  await ask(
    'mutation ($id: ID!) { allocate(input: { accountId: $id, amount: "5000", idempotencyKey: "1" }) { id } }',
    { id },
  );
  const { registerGuardrail } = await ask<{ registerGuardrail: { id: string } }>(
    'mutation ($id: ID!) { registerGuardrail(input: { accountId: $id, externalId: "g", name: "G" }) { id } }',
    { id },
  );
  // The database's clock is what the gateway goes by.
  const fromMs = await beside.database.clockMs();
  await ask('mutation ($id: ID!) { deploy(input: { id: $id, hardware: "h" }) { id } }', {
    id: registerGuardrail.id,
  });
  for (let step = 1; step <= 2; step += 1) {
    gateway.signal('SIGUSR2');
    await ask(
      `mutation ($id: ID!, $key: String!) { adjustCredits(input: { accountId: $id, amount: "1", reason: "test",
        idempotencyKey: $key }) { id } }`,
      { id, key: `step ${step}` },
    );
  }
  await ask('mutation ($id: ID!) { undeploy(id: $id) { id } }', { id: registerGuardrail.id });
  const toMs = await beside.database.clockMs();
  const { account } = await ask<{
    account: { credits: { remaining: string }; ledger: { nodes: readonly Entry[] } };
  }>(
    'query ($id: ID) { account(id: $id) { credits { remaining } ledger(first: 50) { nodes { kind amount bookedAt } } } }',
    { id },
  );

  // A credit a second, so what was charged is the time of this test at most, give or take what two clocks may differ.
  const entries = account.ledger.nodes;
  const used = entries.filter(({ kind }) => kind === 'USAGE');
  const usedMilli = used.reduce((sum, { amount }) => sum - Math.round(Number(amount) * 1_000), 0);
  expect(usedMilli).toBeGreaterThan(0);
  expect(usedMilli).toBeLessThan(toMs - fromMs + 1_000);
  expect(Number(account.credits.remaining)).toBeCloseTo(5_002 - usedMilli / 1_000, 6);
  const late = entries.map(({ bookedAt }) => Date.parse(bookedAt)).filter((ms) => ms > toMs);
  expect(late).toEqual([]);
});
