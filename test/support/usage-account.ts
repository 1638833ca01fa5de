// The account of the browser tests. Its clock stands, and it has used something in each category, so that each figure is known.

import {
  allocate,
  type Api,
  ask,
  createAccount,
  createHardware,
  deploy,
  moveClock,
  register,
} from './account.ts';
import type { TestGateway } from './gateway.ts';
import {
  type CreateAccountInput,
  CreatePortalTokenDocument,
  DeploymentFailedDocument,
  DeployWorkflowDocument,
  RecordUsageDocument,
  type RegisterAnyInput,
  UndeployWorkflowDocument,
  type UsageEventInput,
} from '@billing-gateway/client/operations';

/** When the test clock of the account stands: a Tuesday, 13:00 in Berlin. */
export const ACCOUNT_NOW = '2026-03-10T12:00:00.000Z';
/** Two days and a half before it: what is deployed then has cost 60 hours. */
const DEPLOYED_AT = '2026-03-08T00:00:00.000Z';
const CREATED_AT = '2026-01-05T00:00:00.000Z';

/** Forms 01 with one run, to Forms 28 with 28: 406 runs. With Invoices and Letters they are 30 workflows, more than a page. */
const FORMS = Array.from({ length: 28 }, (_, index) => ({
  externalId: `form-${index + 1}`,
  name: `Forms ${String(index + 1).padStart(2, '0')}`,
  runs: index + 1,
}));
const FAILURE = 'The image could not be pulled.';

/** A gateway in this process, or in one of its own, which folds by itself. */
type Gateway = Api & Partial<Pick<TestGateway, 'fold'>>;

/** @returns the account's id */
export async function openUsageAccount(
  gateway: Gateway,
  input: Partial<CreateAccountInput> = {},
): Promise<string> {
  const accountId = await createAccount(gateway, {
    name: 'Acme',
    timeZone: 'Europe/Berlin',
    testClock: DEPLOYED_AT,
    createdAt: CREATED_AT,
    lowCredit: '100',
    negativeLimit: '-50',
    ...input,
  });
  await allocate(gateway, accountId, '1600', { note: 'Starter plan' });
  await allocate(gateway, accountId, '1000', { unit: 'WORKFLOW_RUNS' });
  await createHardware(gateway, 'gpu-a', '3.6', { model: 'A100', vcpus: 8, memoryGb: 64 });
  await createHardware(gateway, 'cpu-b', '0.123457', { kind: 'CPU', model: 'EPYC', gpus: 0 });
  await deployWorkflows(gateway, accountId);
  await deployHosted(gateway, accountId);
  await moveClock(gateway, accountId, ACCOUNT_NOW);
  await use(gateway, accountId);
  await gateway.fold?.();
  return accountId;
}

async function deployWorkflows(api: Api, accountId: string): Promise<void> {
  const workflow = { kind: 'WORKFLOW', createdAt: CREATED_AT } as const;
  const ids = await register(
    api,
    accountId,
    { ...workflow, externalId: 'letters', name: 'Letters', owner: 'ben' },
    { ...workflow, externalId: 'invoices', name: 'Invoices', owner: 'ana' },
    ...FORMS.map(({ externalId, name }) => ({ ...workflow, externalId, name })),
  );
  for (const id of ids) await ask(api, DeployWorkflowDocument, { id });
  await ask(api, UndeployWorkflowDocument, { id: ids[0] ?? '' });
}

async function deployHosted(api: Api, accountId: string): Promise<void> {
  const [live = '', failing = '', ...others] = await register(
    api,
    accountId,
    ...HOSTED.map((one) => ({ ...one, createdAt: CREATED_AT })),
  );
  await deploy(api, live, 'gpu-a');
  for (const [index, id] of others.entries()) {
    await deploy(api, id, 'cpu-b', { replicas: index + 1 });
  }
  await deploy(api, failing, 'cpu-b');
  await ask(api, DeploymentFailedDocument, { id: failing, message: FAILURE });
}

/** What can be hosted: on gpu-a, what fails at once, and then one, two, … replicas on cpu-b. */
const HOSTED: readonly RegisterAnyInput[] = [
  {
    kind: 'MODEL_DEPLOYMENT',
    externalId: 'live',
    name: 'Summaries, live',
    modelExternalId: 'summaries',
    modelName: 'Summaries',
    modelType: 'FINE_TUNED',
  },
  { kind: 'GUARDRAIL', externalId: 'faces', name: 'Faces' },
  { kind: 'GUARDRAIL', externalId: 'names', name: 'Names' },
  {
    kind: 'CUSTOM_SCRIPT',
    externalId: 'cleaning',
    name: 'Cleaning',
    language: 'Python',
    languageVersion: '3.13',
  },
  { kind: 'OCR_DEPLOYMENT', externalId: 'scans', name: 'Scans', ocrModel: 'layout' },
  { kind: 'BROWSER_POD', externalId: 'portal', name: 'Portal' },
  {
    kind: 'MODEL_DEPLOYMENT',
    externalId: 'translating',
    name: 'Translations, live',
    modelExternalId: 'translations',
    modelName: 'Translations',
    modelType: 'BASE',
  },
];

async function use(api: Api, accountId: string): Promise<void> {
  const scans = { resourceKind: 'OCR_DEPLOYMENT', resourceExternalId: 'scans' } as const;
  const used: readonly Used[] = [
    run('letters', 33, '2026-03-02T09:00:00.000Z'),
    run('invoices', 180, '2026-03-09T09:00:00.000Z'),
    ...FORMS.map(({ externalId, runs }) => run(externalId, runs, '2026-03-05T09:00:00.000Z')),
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
      type: 'PROCESSING',
      ...scans,
      credits: '2.5',
      quantity: 1250,
      unit: 'pages',
      occurredAt: '2026-03-09T15:00:00.000Z',
    },
  ];
  const events = used.map((one, index) => ({ ...one, source: 's', eventId: `usage ${index}` }));
  const { recordUsage } = await ask(api, RecordUsageDocument, { accountId, events });
  if (recordUsage.accepted !== events.length) throw new Error(JSON.stringify(recordUsage));
}

type Used = Omit<UsageEventInput, 'source' | 'eventId'>;

function run(externalId: string, quantity: number, occurredAt: string): Used {
  return {
    type: 'WORKFLOW_RUN',
    resourceKind: 'WORKFLOW',
    resourceExternalId: externalId,
    quantity,
    occurredAt,
  };
}

/** A token that opens the account. */
export async function usageToken(
  api: Api,
  accountId: string,
  limits: { readonly expiresInSeconds?: number; readonly origins?: readonly string[] } = {},
): Promise<string> {
  const { createPortalToken } = await ask(api, CreatePortalTokenDocument, { accountId, ...limits });
  return createPortalToken.token;
}
