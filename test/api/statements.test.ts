// A view costs a fixed number of SQL statements: forty rows, or forty accounts, take as many as one.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from '../../src/db/sql.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createAccount, createHardware, deploy, fund, register } from '../support/account.ts';
import {
  AccountsDocument,
  BrowserPodsTabDocument,
  CreditsTabDocument,
  CustomScriptsTabDocument,
  DeployDocument,
  GuardrailsTabDocument,
  HostedPanelDocument,
  ModelPanelDocument,
  ModelsTabDocument,
  OcrDeploymentsTabDocument,
  OverviewDocument,
  RecordHostingDocument,
  RecordUsageDocument,
  RegisterModelDocument,
  ReportDocument,
  WorkflowPanelDocument,
  WorkflowsTabDocument,
  type RegisterAnyInput,
  type ResourceKind,
  type UsageEventInput,
} from '@billing-gateway/client/operations';
import { itOnOneServer } from '../support/left-out.ts';
import { statementsOf } from '../support/statements.ts';

const MANY = 40;
const HOUR = 3_600_000;
const range = { preset: 'LAST_30_DAYS' as const };
const KINDS: readonly ResourceKind[] = [
  'WORKFLOW',
  'MODEL_DEPLOYMENT',
  'GUARDRAIL',
  'CUSTOM_SCRIPT',
  'OCR_DEPLOYMENT',
  'BROWSER_POD',
];

let gateway: TestGateway;
let one = '';
let many = '';

beforeAll(async () => {
  gateway = await startTestGateway();
  for (const name of ['gpu-a', 'gpu-b']) await createHardware(gateway, name, '1');
  const accounts = [await anAccount('one', 1), await anAccount('rows', MANY)];
  for (let index = 0; index < MANY; index += 1) accounts.push(await anAccount(`many ${index}`, 1));
  await gateway.fold();
  for (const account of accounts) await goOn(account);
  [one = '', many = ''] = accounts.map(({ accountId }) => accountId);
});

afterAll(async () => {
  await gateway.close();
});

interface Account {
  readonly accountId: string;
  readonly resources: readonly RegisterAnyInput[];
  readonly ids: readonly string[];
}

/** An account with resources of each kind, all used and hosted by periods. */
async function anAccount(name: string, count: number): Promise<Account> {
  const accountId = await createAccount(gateway, { name, externalId: name });
  await fund(gateway, accountId);
  const resources = KINDS.flatMap((kind) =>
    Array.from({ length: count }, (_, index) => resource(kind, index)),
  );
  for (let index = 0; index < count; index += 1) {
    await gateway.query(RegisterModelDocument, {
      input: { accountId, externalId: `model-${index}`, name: `M ${index}`, type: 'BASE' },
    });
  }
  const ids = await register(gateway, accountId, ...resources);
  await gateway.query(RecordUsageDocument, { accountId, events: resources.map(eventOf(1)) });
  await recordPeriods(accountId, resources);
  return { accountId, resources, ids };
}

/** What is not folded: all are used once more, and the first of each kind runs. */
async function goOn({ accountId, resources, ids }: Account): Promise<void> {
  await gateway.query(RecordUsageDocument, { accountId, events: resources.map(eventOf(2)) });
  const isFirst = (_: string, index: number): boolean =>
    resources[index]?.kind !== 'WORKFLOW' && resources[index]?.externalId.endsWith('-0') === true;
  for (const id of ids.filter(isFirst)) await deploy(gateway, id, 'gpu-b', { at: ago(1) });
}

function resource(kind: ResourceKind, index: number): RegisterAnyInput {
  return {
    kind,
    externalId: `${kind}-${index}`,
    name: `${kind} ${index}`,
    owner: `owner ${index}`,
    ...(kind === 'MODEL_DEPLOYMENT'
      ? { modelExternalId: `model-${index}`, modelType: 'BASE' as const }
      : {}),
    ...(kind === 'CUSTOM_SCRIPT' ? { language: 'python', languageVersion: '3' } : {}),
    ...(kind === 'OCR_DEPLOYMENT' ? { ocrModel: 'x' } : {}),
  };
}

function eventOf(round: number): (of: RegisterAnyInput, index: number) => UsageEventInput {
  return ({ kind, externalId }, index) => ({
    source: 's',
    eventId: `${round}-${index}`,
    type: kind === 'WORKFLOW' ? 'WORKFLOW_RUN' : 'PROCESSING',
    occurredAt: ago(round * 100),
    resourceKind: kind,
    resourceExternalId: externalId,
    ...(kind === 'WORKFLOW' ? {} : { credits: '1.25' }),
  });
}

async function recordPeriods(
  accountId: string,
  resources: readonly RegisterAnyInput[],
): Promise<void> {
  const hosted = resources.filter(({ kind }) => kind !== 'WORKFLOW');
  const periods = [2, 20, 60].flatMap((hours) =>
    hosted.map(({ kind, externalId }, index) => ({
      source: 'h',
      eventId: `${hours}-${index}`,
      resourceKind: kind,
      resourceExternalId: externalId,
      hardware: 'gpu-a',
      from: ago(200 + hours * 3),
      to: ago(200 + hours * 2),
    })),
  );
  const { data } = await gateway.query(RecordHostingDocument, { accountId, periods });
  if (data.recordHosting.accepted !== periods.length) throw new Error(JSON.stringify(data));
}

function ago(hours: number): string {
  return new Date(gateway.clock.nowMs() - hours * HOUR).toISOString();
}

/** The names of the statements that an answer took that could use nothing of earlier ones; it must be without errors. */
async function statementsToAnswer(
  ask: () => Promise<{ readonly errors: unknown; readonly data: unknown }>,
): Promise<readonly string[]> {
  // As if the sums of all accounts had changed.
  await asOwner(gateway.databaseUrl, sql`update rollup_state set epoch = epoch + 1`);
  return statementsOf(gateway.database, async () => {
    const { errors } = await ask();
    expect(errors).toBeUndefined();
  });
}

describe('statements of a request', () => {
  const page = { range, first: 100 };
  it.each([
    ['overview', (accountId: string) => gateway.query(OverviewDocument, { accountId, range })],
    [
      'workflows',
      (accountId: string) => gateway.query(WorkflowsTabDocument, { accountId, ...page }),
    ],
    [
      'models with their deployments',
      (accountId: string) =>
        gateway.query(ModelsTabDocument, { accountId, range, first: MANY, firstDeployments: 20 }),
    ],
    [
      'guardrails',
      (accountId: string) => gateway.query(GuardrailsTabDocument, { accountId, ...page }),
    ],
    [
      'scripts',
      (accountId: string) => gateway.query(CustomScriptsTabDocument, { accountId, ...page }),
    ],
    [
      'OCR',
      (accountId: string) => gateway.query(OcrDeploymentsTabDocument, { accountId, ...page }),
    ],
    [
      'browser pods',
      (accountId: string) => gateway.query(BrowserPodsTabDocument, { accountId, ...page }),
    ],
    [
      'report over every dimension',
      (accountId: string) =>
        gateway.query(ReportDocument, {
          accountId,
          range,
          first: 500,
          granularity: 'WEEK',
          groupBy: ['CATEGORY', 'COMPONENT', 'RESOURCE', 'OWNER', 'HARDWARE', 'MODEL'],
        }),
    ],
    [
      'panel of a hosted resource',
      (accountId: string) =>
        gateway.query(HostedPanelDocument, {
          accountId,
          kind: 'GUARDRAIL',
          externalId: 'GUARDRAIL-0',
          range,
          firstSegments: 100,
        }),
    ],
    [
      'panel of a workflow',
      (accountId: string) =>
        gateway.query(WorkflowPanelDocument, {
          accountId,
          kind: 'WORKFLOW',
          externalId: 'WORKFLOW-0',
          range,
        }),
    ],
  ])('are as many for forty rows as for one: %s', async (_, ask) => {
    const ofOne = await statementsToAnswer(() => ask(one));
    expect(ofOne.length).toBeGreaterThan(1);
    expect(await statementsToAnswer(() => ask(many))).toEqual(ofOne);
  });

  it('are as many for the panel of a model in a small account as in a large one', async () => {
    const panel = async (accountId: string): Promise<readonly string[]> => {
      const { data } = await gateway.query(ModelsTabDocument, { accountId, range, first: 1 });
      const id = data.account?.usage.models.nodes[0]?.model.id ?? '';
      return statementsToAnswer(() => gateway.query(ModelPanelDocument, { id, range, first: 100 }));
    };
    expect(await panel(many)).toEqual(await panel(one));
  });

  it('are as many for the charges of three entries of the ledger as for those of one', async () => {
    const { accountId, resources } = await anAccount('three entries', 1);
    for (const round of [2, 3, 4]) {
      // What was before the account began is not charged.
      const events = resources.map(eventOf(round)).map((one) => ({ ...one, occurredAt: ago(0) }));
      await gateway.query(RecordUsageDocument, { accountId, events });
    }
    const ask = (last: number) => async () => {
      const answer = await gateway.query(CreditsTabDocument, {
        accountId,
        kinds: ['USAGE'],
        last,
      });
      const counts = answer.data.account?.ledger.nodes.map(({ charges }) => charges.totalCount);
      // Of the six events of a batch, the run of the workflow charges no credits.
      expect(counts).toEqual(Array.from({ length: last }, () => 5));
      return answer;
    };
    expect(await statementsToAnswer(ask(3))).toEqual(await statementsToAnswer(ask(1)));
  });

  itOnOneServer('are as many for the usage of forty accounts as for that of one', async () => {
    const ask = (search: string) => async () => {
      const answer = await gateway.query(AccountsDocument, { first: 100, search, range });
      expect(answer.data.accounts?.nodes).toHaveLength(search === 'one' ? 1 : MANY);
      return answer;
    };
    // The gateway remembers what it read of either.
    await ask('many ')();
    await ask('one')();
    expect(await statementsToAnswer(ask('many '))).toEqual(await statementsToAnswer(ask('one')));
  });

  itOnOneServer(
    'are as many for the projections of forty accounts as for that of one',
    async () => {
      const projections = `query ($search: String) { accounts(first: 100, search: $search) { nodes {
      projection { hosting credits reason } } } }`;
      const nowMs = gateway.clock.nowMs();
      const ask = (search: string) => async () => gateway.query(projections, { search });
      // By then there is enough history, so that all of it is read.
      gateway.clock.moveBy(28 * 24 * HOUR);
      const [ofMany, ofOne] = [
        await statementsToAnswer(ask('many ')),
        await statementsToAnswer(ask('one')),
      ];
      gateway.clock.moveTo(nowMs);
      expect(ofMany).toEqual(ofOne);
      expect(ofOne).toContain('views.loadSums.account');
    },
  );

  itOnOneServer('are as many for every tab of ten accounts as for those of one', async () => {
    const hosted = `nodes { credits time hardware { hardware { name } credits segments(first: 2) { nodes { credits resource { name } } } }
      trend(granularity: MONTH) { buckets { credits } } resource { name hosting { hardware { name } } usage { credits } } } totals { credits }`;
    const tabs = `query ($search: String) { accounts(first: 10, search: $search) { nodes { usage {
      credits { used byCategory { credits } } trend { buckets { credits } } hardware { credits hardware { name } } previous { credits { used } }
      workflows(first: 2) { nodes { runs workflow { name usage { runs } } trend(granularity: MONTH) { buckets { runs } } } }
      models(first: 2) { nodes { credits model { name usage { credits } } hardware { credits } deployments(first: 2) { ${hosted} } } }
      guardrails(first: 2) { ${hosted} } customScripts(first: 2) { ${hosted} } ocrDeployments(first: 2) { ${hosted} } browserPods(first: 2) { ${hosted} }
    } } } }`;
    const ask = (search: string) => async () => gateway.query(tabs, { search });
    // The gateway remembers what it read of either.
    await ask('many ')();
    await ask('one')();
    expect(await statementsToAnswer(ask('many '))).toEqual(await statementsToAnswer(ask('one')));
  });

  // The ways to the database are most of what a small batch takes.
  itOnOneServer.each([1, MANY])(
    'are five for a batch of usage with %i of each kind',
    async (count) => {
      const events = KINDS.flatMap((kind) =>
        Array.from({ length: count }, (_, index) => eventOf(0)(resource(kind, index), index)),
      );
      const record = async (batch: string): Promise<readonly string[]> =>
        statementsToAnswer(() =>
          gateway.query(RecordUsageDocument, {
            accountId: many,
            events: events.map((event, index) => ({ ...event, eventId: `${batch}-${index}` })),
          }),
        );
      // Whose names the gateway does not know yet are looked up.
      await record(`before-${count}`);
      expect(await record(`batch-${count}`)).toEqual([
        'account.lockAccount',
        'credits.insertLines',
        'credits.loadStates',
        'credits.savePosition',
        'usage.insertEvents',
      ]);
    },
  );

  it('are as many for a deployment beside forty running ones as for the first', async () => {
    const deployed = async (accountId: string): Promise<readonly string[]> => {
      const [id = ''] = await register(gateway, accountId, resource('GUARDRAIL', 1_000));
      return statementsToAnswer(() =>
        gateway.query(DeployDocument, { input: { id, hardware: 'gpu-b' } }),
      );
    };
    expect(await deployed(many)).toEqual(await deployed(one));
  });
});
