// What tabs list and select: filters, workflows in development, and what runs now.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount, createHardware, deploy, fund, register } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  DeployWorkflowDocument,
  GuardrailsTabDocument,
  OverviewDocument,
  RecordUsageDocument,
  RegisterModelDocument,
  ReportDocument,
  UndeployDocument,
  WorkflowsTabDocument,
  type UsageFilter,
} from '../support/operations.ts';

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
