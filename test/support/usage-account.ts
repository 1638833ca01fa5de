// The account of the browser tests. Its clock stands, and it has used something in each category, so that each figure is known.

import {
  allocate,
  ask,
  createAccount,
  createHardware,
  deploy,
  moveClock,
  recordUsage,
  register,
} from './account.ts';
import type { TestGateway } from './gateway.ts';
import { CreatePortalTokenDocument } from './operations.ts';

/** When the test clock of the account stands: a Tuesday, 13:00 in Berlin. */
export const ACCOUNT_NOW = '2026-03-10T12:00:00.000Z';
/** Two days and a half before it: what is deployed then has cost 60 hours. */
const DEPLOYED_AT = '2026-03-08T00:00:00.000Z';
const CREATED_AT = '2026-01-05T00:00:00.000Z';

/** @returns the account's id */
export async function openUsageAccount(gateway: TestGateway): Promise<string> {
  const accountId = await createAccount(gateway, {
    name: 'Acme',
    timeZone: 'Europe/Berlin',
    testClock: DEPLOYED_AT,
    createdAt: CREATED_AT,
    lowCredit: '100',
    negativeLimit: '-50',
  });
  await allocate(gateway, accountId, '1600', { note: 'Starter plan' });
  await allocate(gateway, accountId, '300', { unit: 'WORKFLOW_RUNS' });
  await createHardware(gateway, 'gpu-a', '3.6', { model: 'A100', vcpus: 8, memoryGb: 64 });
  await createHardware(gateway, 'cpu-b', '0.123457', { kind: 'CPU', model: 'EPYC', gpus: 0 });
  const [deployment = '', ...others] = await registerAll(gateway, accountId);
  await deploy(gateway, deployment, 'gpu-a');
  for (const [index, id] of others.entries()) {
    await deploy(gateway, id, 'cpu-b', { replicas: index + 1 });
  }
  await moveClock(gateway, accountId, ACCOUNT_NOW);
  await use(gateway, accountId);
  await gateway.fold();
  return accountId;
}

/** @returns the ids of what can be hosted: the model's deployment first */
async function registerAll(gateway: TestGateway, accountId: string): Promise<readonly string[]> {
  const createdAt = CREATED_AT;
  const model = {
    modelExternalId: 'summaries',
    modelName: 'Summaries',
    modelType: 'FINE_TUNED',
  } as const;
  const [, , ...hosted] = await register(
    gateway,
    accountId,
    { kind: 'WORKFLOW', externalId: 'invoices', name: 'Invoices', owner: 'ana', createdAt },
    { kind: 'WORKFLOW', externalId: 'letters', name: 'Letters', owner: 'ben', createdAt },
    { kind: 'MODEL_DEPLOYMENT', externalId: 'live', name: 'Summaries, live', ...model, createdAt },
    { kind: 'GUARDRAIL', externalId: 'names', name: 'Names', createdAt },
    {
      kind: 'CUSTOM_SCRIPT',
      externalId: 'cleaning',
      name: 'Cleaning',
      language: 'Python',
      languageVersion: '3.13',
      createdAt,
    },
    { kind: 'OCR_DEPLOYMENT', externalId: 'scans', name: 'Scans', ocrModel: 'layout', createdAt },
    { kind: 'BROWSER_POD', externalId: 'portal', name: 'Portal', createdAt },
  );
  return hosted;
}

async function use(gateway: TestGateway, accountId: string): Promise<void> {
  const runs = { type: 'WORKFLOW_RUN', resourceKind: 'WORKFLOW' } as const;
  const scans = { resourceKind: 'OCR_DEPLOYMENT', resourceExternalId: 'scans' } as const;
  const events: readonly Parameters<typeof recordUsage>[2][] = [
    {
      ...runs,
      resourceExternalId: 'invoices',
      quantity: 180,
      occurredAt: '2026-03-09T09:00:00.000Z',
    },
    {
      ...runs,
      resourceExternalId: 'letters',
      quantity: 33,
      occurredAt: '2026-03-02T09:00:00.000Z',
    },
    {
      type: 'FINE_TUNING',
      modelExternalId: 'summaries',
      credits: '14.2',
      occurredAt: '2026-03-07T08:00:00.000Z',
    },
    {
      type: 'STORAGE',
      modelExternalId: 'summaries',
      credits: '0.755',
      occurredAt: '2026-03-08T08:00:00.000Z',
    },
    {
      ...scans,
      credits: '2.5',
      quantity: 1250,
      unit: 'pages',
      occurredAt: '2026-03-09T15:00:00.000Z',
    },
  ];
  for (const event of events) await recordUsage(gateway, accountId, event);
}

/** A token that opens the account. */
export async function usageToken(
  gateway: TestGateway,
  accountId: string,
  limits: { readonly expiresInSeconds?: number; readonly origins?: readonly string[] } = {},
): Promise<string> {
  const { createPortalToken } = await ask(gateway, CreatePortalTokenDocument, {
    accountId,
    ...limits,
  });
  return createPortalToken.token;
}
