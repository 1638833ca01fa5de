// What tabs list and select: filters, workflows in development, and what runs now.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount, createHardware, deploy, fund, register } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { present } from '../../src/core/errors.ts';
import {
  CustomScriptsTabDocument,
  DeployWorkflowDocument,
  GuardrailsTabDocument,
  ModelPanelDocument,
  ModelsTabDocument,
  OverviewDocument,
  RecordUsageDocument,
  RegisterModelDocument,
  ReportDocument,
  UndeployDocument,
  WorkflowsTabDocument,
  type CustomScriptsTabQueryVariables,
  type ModelPanelQueryVariables,
  type ModelsTabQuery,
  type ModelsTabQueryVariables,
  type UsageEventInput,
  type UsageFilter,
} from '@billing-gateway/client/operations';

// The clock stands at TEST_NOW, 2026-03-10T12:00.
const range = { fromDay: '2026-03-01', toDay: '2026-03-31' };

let gateway: TestGateway;
let accountId = '';
let ids: readonly string[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '1');
  accountId = await createAccount(gateway);
  await fund(gateway, accountId);
  await gateway.query(RegisterModelDocument, {
    input: { accountId, externalId: 'model', name: 'Model', type: 'BASE' },
  });
  ids = await register(
    gateway,
    accountId,
    { kind: 'GUARDRAIL', externalId: 'owned', name: 'Owned', owner: 'ana' },
    { kind: 'GUARDRAIL', externalId: 'nobody', name: 'Nobody' },
    { kind: 'WORKFLOW', externalId: 'live', name: 'Live' },
    { kind: 'WORKFLOW', externalId: 'draft', name: 'Draft' },
  );
  const [owned = '', nobody = '', live = ''] = ids;
  for (const id of [owned, nobody]) {
    await deploy(gateway, id, 'gpu', { at: '2026-03-10T10:00:00Z' });
  }
  await gateway.query(UndeployDocument, { id: nobody, at: '2026-03-10T11:00:00Z' });
  await gateway.query(DeployWorkflowDocument, { id: live });
  const run = { source: 's', occurredAt: '2026-03-09T00:00:00Z', type: 'WORKFLOW_RUN' as const };
  await gateway.query(RecordUsageDocument, {
    accountId,
    events: [
      { ...run, eventId: '1', resourceKind: 'WORKFLOW', resourceExternalId: 'live', quantity: 3 },
      { ...run, eventId: '2', resourceKind: 'WORKFLOW', resourceExternalId: 'draft', quantity: 4 },
      { ...run, eventId: '3', type: 'STORAGE', modelExternalId: 'model', credits: '5' },
    ],
  });
});

afterAll(async () => {
  await gateway.close();
});

async function guardrails(filter: UsageFilter): Promise<readonly string[]> {
  const { data } = await gateway.query(GuardrailsTabDocument, { accountId, range, filter });
  return (data.account?.usage.guardrails.nodes ?? []).map(({ resource }) => resource.name);
}

/** Rows of a report by owner: the owner and the credits. */
async function owners(filter: UsageFilter): Promise<readonly unknown[]> {
  const variables = { accountId, range, groupBy: ['OWNER' as const], filter };
  const { data } = await gateway.query(ReportDocument, variables);
  return (data.account?.usage.report.nodes ?? []).map(({ owner, credits }) => [owner, credits]);
}

describe('a filter', () => {
  it('with empty lists has no condition, also where the tab lacks them', async () => {
    const empty = { statuses: [], owners: [], hardware: [], categories: [] };
    expect(await guardrails(empty)).toEqual(['Owned', 'Nobody']);
    // Two hours of one, one hour of the other, five credits of storage.
    expect(await owners(empty)).toEqual([
      [null, '6'],
      ['ana', '2'],
    ]);
  });

  it('selects what has no owner by null, beside owners that are named', async () => {
    expect(await guardrails({ owners: [null] })).toEqual(['Nobody']);
    expect(await guardrails({ owners: [null, 'ana'] })).toEqual(['Owned', 'Nobody']);
    expect(await guardrails({ owners: ['ana'] })).toEqual(['Owned']);
  });

  it('by owners leaves out what models themselves cost: they are no resources without an owner', async () => {
    expect(await owners({ owners: [null] })).toEqual([[null, '1']]);
  });
});

describe('the workflows tab', () => {
  it('leaves out what is in development, also when it once ran; its runs count in the overview', async () => {
    const tab = await gateway.query(WorkflowsTabDocument, { accountId, range });
    const overview = await gateway.query(OverviewDocument, { accountId, range });

    const { nodes, totals } = tab.data.account?.usage.workflows ?? {};
    expect(nodes?.map(({ workflow, runs }) => [workflow.name, runs])).toEqual([['Live', 3]]);
    expect(totals).toMatchObject({ count: 1, runs: 3 });
    expect(overview.data.account?.usage.workflowRuns.used).toBe(7);
  });
});

describe('lastActiveOn', () => {
  it('is now for what runs, in the tab and by itself, and the last change for what ended', async () => {
    const tab = await gateway.query(GuardrailsTabDocument, { accountId, range });
    const alone = await Promise.all(
      ids.slice(0, 2).map(async (id) => {
        const query = 'query ($id: ID!) { resource(id: $id) { name lastActiveOn } }';
        const answer = await gateway.query<{ resource: unknown }>(query, { id });
        return answer.data.resource;
      }),
    );

    const rows = [
      { name: 'Owned', lastActiveOn: '2026-03-10T12:00:00.000Z' },
      { name: 'Nobody', lastActiveOn: '2026-03-10T11:00:00.000Z' },
    ];
    const nodes = tab.data.account?.usage.guardrails.nodes ?? [];
    expect(nodes.map(({ resource: { name, lastActiveOn } }) => ({ name, lastActiveOn }))).toEqual(
      rows,
    );
    expect(alone).toEqual(rows);
  });
});

describe('models and scripts', () => {
  let accountOfModels = '';
  let baseId = '';

  beforeAll(async () => {
    accountOfModels = await createAccount(gateway);
    await fund(gateway, accountOfModels);
    await fund(gateway, accountOfModels);
    const base = { modelExternalId: 'base', modelName: 'Base', modelType: 'BASE' as const };
    const tuned = {
      modelExternalId: 'tuned',
      modelName: 'Tuned',
      modelType: 'FINE_TUNED' as const,
    };
    const kind = 'MODEL_DEPLOYMENT' as const;
    const deployed = await register(
      gateway,
      accountOfModels,
      { kind, externalId: 'b1', name: 'Blue', ...base },
      { kind, externalId: 'b2', name: 'Black', ...base },
      { kind, externalId: 't1', name: 'Teal', ...tuned },
      { ...script('py'), language: 'Python' },
      { ...script('ts'), language: 'TypeScript' },
      { ...script('go'), language: 'Go' },
    );
    for (const [index, at] of ['09', '08', '10'].entries()) {
      await deploy(gateway, deployed[index] ?? '', 'gpu', { at: `2026-03-10T${at}:00:00Z` });
    }
    await gateway.query(UndeployDocument, { id: deployed[0] ?? '', at: '2026-03-10T11:00:00Z' });
    await gateway.query(RecordUsageDocument, {
      accountId: accountOfModels,
      events: [
        { ...event('1', '0.5'), type: 'STORAGE', modelExternalId: 'base' },
        { ...event('2', '0.25'), type: 'STORAGE', modelExternalId: 'tuned' },
        ...['py', 'ts'].map((resourceExternalId) => ({
          ...event(resourceExternalId, '3'),
          type: 'PROCESSING' as const,
          resourceKind: 'CUSTOM_SCRIPT' as const,
          resourceExternalId,
        })),
      ],
    });
    const { nodes } = await models({});
    baseId = nodes.find(({ model }) => model.name === 'Base')?.model.id ?? '';
  });

  function event(
    eventId: string,
    credits: string,
  ): Pick<UsageEventInput, 'source' | 'eventId' | 'occurredAt' | 'credits'> {
    return { source: 's', eventId, occurredAt: '2026-03-09T00:00:00Z', credits };
  }

  function script(externalId: string): {
    readonly kind: 'CUSTOM_SCRIPT';
    readonly externalId: string;
    readonly name: string;
    readonly languageVersion: string;
  } {
    return { kind: 'CUSTOM_SCRIPT', externalId, name: externalId, languageVersion: '1' };
  }

  async function models(
    variables: Partial<ModelsTabQueryVariables>,
  ): Promise<NonNullable<ModelsTabQuery['account']>['usage']['models']> {
    const { data } = await gateway.query(ModelsTabDocument, {
      accountId: accountOfModels,
      range,
      ...variables,
    });
    return present(data.account, 'the account').usage.models;
  }

  async function deployments(variables: Omit<ModelPanelQueryVariables, 'id'>): Promise<unknown> {
    const { data } = await gateway.query(ModelPanelDocument, { id: baseId, range, ...variables });
    if (data.node?.__typename !== 'Model') throw new Error('a model was asked for');
    return data.node.usage.deployments.nodes.map(({ resource }) => resource.name);
  }

  async function scripts(variables: Partial<CustomScriptsTabQueryVariables>): Promise<unknown> {
    const { data } = await gateway.query(CustomScriptsTabDocument, {
      accountId: accountOfModels,
      range,
      ...variables,
    });
    return present(data.account, 'the account').usage.customScripts.nodes.map(
      ({ resource }) => resource.name,
    );
  }

  it('models are selected by type, with the totals of those that are selected', async () => {
    const { nodes, totals } = await models({ filter: { modelTypes: ['FINE_TUNED'] } });

    expect(nodes.map(({ model }) => model.name)).toEqual(['Tuned']);
    // Two hours at 1, and 0.25 of storage.
    expect(totals).toMatchObject({ count: 1, credits: '2.25' });
    expect((await models({ filter: { modelTypes: ['BASE', 'FINE_TUNED'] } })).totals.count).toBe(2);
  });

  it('deployments are ordered, selected and paged in the tab and in the panel', async () => {
    const [, tuned] = (
      await models({
        orderBy: { field: 'NAME', direction: 'ASC' },
        deploymentsFilter: { search: 'T' },
      })
    ).nodes;
    expect(tuned?.deployments.nodes.map(({ resource }) => resource.name)).toEqual(['Teal']);

    // Blue ran from 9 to 11, Black has been running since 8.
    expect(await deployments({ orderBy: { field: 'LAST_UPDATED_ON' } })).toEqual(['Blue', 'Black']);
    expect(await deployments({ orderBy: { field: 'LAST_DEPLOYED_ON' } })).toEqual([
      'Blue',
      'Black',
    ]);
    expect(await deployments({ orderBy: { field: 'TIME' } })).toEqual(['Black', 'Blue']);
    expect(await deployments({ filter: { statuses: ['UNDEPLOYED'] } })).toEqual(['Blue']);
    expect(await deployments({ orderBy: { field: 'TIME' }, last: 1 })).toEqual(['Blue']);
  });

  it('scripts are selected by language, whatever its letter case, and ordered by it', async () => {
    expect(await scripts({ filter: { languages: ['go', 'PYTHON'] } })).toEqual(['py', 'go']);
    expect(await scripts({ filter: { languages: ['Pyth'] } })).toEqual([]);
    expect(await scripts({ orderBy: { field: 'LANGUAGE', direction: 'ASC' } })).toEqual([
      ...['go', 'py', 'ts'],
    ]);
  });

  async function report(filter: UsageFilter): Promise<unknown> {
    const { data } = await gateway.query(ReportDocument, {
      accountId: accountOfModels,
      range,
      groupBy: ['MODEL', 'RESOURCE'],
      filter,
    });
    return present(data.account, 'the account').usage.report.nodes.map(
      ({ model, resource, credits }) => [model?.externalId, resource?.externalId, credits],
    );
  }

  it('a report by model type has the charges of the models and of their deployments', async () => {
    expect(await report({ modelTypes: ['BASE'] })).toEqual([
      ['base', 'b2', '4'],
      ['base', 'b1', '2'],
      ['base', undefined, '0.5'],
    ]);
  });

  it('a report by language has the charges of the scripts in it', async () => {
    expect(await report({ languages: ['python'] })).toEqual([[undefined, 'py', '3']]);
  });

  it('a tab refuses the filters and orders of another, with their path', async () => {
    const answers = await Promise.all([
      gateway.query(GuardrailsTabDocument, { filter: { modelTypes: ['BASE'] }, accountId }),
      gateway.query(ModelsTabDocument, { filter: { languages: ['Go'] }, accountId }),
      gateway.query(ModelPanelDocument, { id: baseId, filter: { modelTypes: ['BASE'] } }),
      gateway.query(GuardrailsTabDocument, { orderBy: { field: 'LANGUAGE' }, accountId }),
      gateway.query(WorkflowsTabDocument, { filter: { languages: [] }, accountId }),
    ]);

    expect(
      answers.map(({ errors }) => {
        const { code, path } = errors?.[0]?.extensions ?? {};
        return code === 'BAD_USER_INPUT' ? path : 'answered';
      }),
    ).toEqual([
      ['filter', 'modelTypes'],
      ['filter', 'languages'],
      ['filter', 'modelTypes'],
      ['orderBy', 'field'],
      'answered',
    ]);
  });

  it('totals say how many allocations they add up', async () => {
    const { data } = await gateway.query(OverviewDocument, { accountId: accountOfModels, range });
    const { credits, workflowRuns } = present(data.account, 'the account').usage;

    expect(credits.allocations).toBe(2);
    expect(workflowRuns.allocations).toBe(0);
  });
});
