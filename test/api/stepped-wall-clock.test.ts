// A gateway process whose wall clock is set two hours forward and four back while a deployment burns.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  NO_THRESHOLDS,
  registerGuardrail,
  undeploy,
} from '../support/account.ts';
import { OPERATOR_KEY, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import {
  AdjustCreditsDocument,
  CreditsDocument,
  LedgerDocument,
} from '@billing-gateway/client/operations';

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

it('charges the time that has passed, and nothing of the hours that its wall clock jumped', async () => {
  await createHardware(gateway, 'h', '3600');
  const accountId = await createAccount(gateway, NO_THRESHOLDS);
  await allocate(gateway, accountId, '5000');
  const id = await registerGuardrail(gateway, accountId);
  // The database's clock is what the gateway goes by.
  const fromMs = await beside.database.clockMs();
  await deploy(gateway, id, 'h');
  for (let step = 1; step <= 2; step += 1) {
    gateway.signal('SIGUSR2');
    await ask(gateway, AdjustCreditsDocument, {
      input: { accountId, amount: '1', reason: 'test', idempotencyKey: `step ${step}` },
    });
  }
  await undeploy(gateway, id);
  const toMs = await beside.database.clockMs();
  const credits = (await ask(gateway, CreditsDocument, { accountId })).account?.credits;
  const { account } = await ask(gateway, LedgerDocument, { accountId, first: 50 });

  // A credit a second, so what was charged is the time of this test at most, give or take what two clocks may differ.
  const entries = account?.ledger.nodes ?? [];
  const used = entries.filter(({ kind }) => kind === 'USAGE');
  const usedMilli = used.reduce((sum, { amount }) => sum - Math.round(Number(amount) * 1_000), 0);
  expect(usedMilli).toBeGreaterThan(0);
  expect(usedMilli).toBeLessThan(toMs - fromMs + 1_000);
  expect(Number(credits?.remaining)).toBeCloseTo(5_002 - usedMilli / 1_000, 6);
  const late = entries.map(({ bookedAt }) => Date.parse(bookedAt)).filter((ms) => ms > toMs);
  expect(late).toEqual([]);
});
