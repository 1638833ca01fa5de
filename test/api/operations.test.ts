// The operations that partners are given (schema/operations): each of them answers without an error. What they answer is
// tested where it belongs; here only that none of them has become wrong.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from 'graphql-ws';
import { until } from '../support/eventually.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { liveClient, originOf, subscribe } from '../support/live.ts';
import * as operations from '@billing-gateway/client/operations';

const JUNE = '2026-06-01T00:00:00.000Z';

let gateway: TestGateway;
let client: Client;
const ran = new Set<string>();

beforeAll(async () => {
  gateway = await startTestGateway();
  client = liveClient(originOf(gateway), gateway.operatorKey);
});

afterAll(async () => {
  await client.dispose();
  await gateway.close();
});

async function run<TData, TVariables>(
  document: operations.Operation<TData, TVariables>,
  variables: TVariables,
): Promise<TData> {
  const name = document.name;
  ran.add(name);
  const { data, errors } = await gateway.query(document, variables);
  expect({ name, errors }).toEqual({ name, errors: undefined });
  return data;
}

async function listen<TData, TVariables extends Record<string, unknown>>(
  document: operations.Operation<TData, TVariables>,
  variables: TVariables,
): Promise<void> {
  const name = document.name;
  ran.add(name);
  const stream = subscribe(client, document, variables);
  await until(() => stream.events.length + stream.errors.length > 0, name);
  stream.stop();
  expect({ name, errors: stream.errors }).toEqual({ name, errors: [] });
}

/** An account with two deployments on two hardware profiles, of which a cycle has passed, and everything else it can have. */
async function openAccount(): Promise<string> {
  const hardware = {
    kind: 'GPU',
    model: 'A100',
    vcpus: 1,
    gpus: 1,
    memoryGb: 1,
    creditsPerHour: '3.6',
  } as const;
  for (const name of ['small', 'large']) {
    await run(operations.CreateHardwareProfileDocument, { input: { ...hardware, name } });
  }
  const opened = await run(operations.CreateAccountDocument, {
    input: {
      name: 'Acme',
      testClock: TEST_NOW,
      notificationEmails: ['billing@example.com'],
      negativeLimit: '-10',
    },
  });
  const accountId = opened.createAccount.id;
  await run(operations.CreateWebhookEndpointDocument, {
    input: { accountId, url: 'http://127.0.0.1:1024/hooks', events: ['ALERT_RAISED'] },
  });
  await run(operations.AllocateDocument, {
    input: { accountId, amount: '100', everyCycle: true, idempotencyKey: 'plan' },
  });
  return accountId;
}

async function register(accountId: string): Promise<Record<string, string>> {
  const input = (externalId: string): { accountId: string; externalId: string; name: string } => ({
    accountId,
    externalId,
    name: externalId,
  });
  const workflow = await run(operations.RegisterWorkflowDocument, { input: input('workflow') });
  const model = await run(operations.RegisterModelDocument, {
    input: { ...input('model'), type: 'FINE_TUNED' },
  });
  const modelId = model.registerModel.id;
  const deployment = await run(operations.RegisterModelDeploymentDocument, {
    input: { ...input('deployment'), modelId },
  });
  const guardrail = await run(operations.RegisterGuardrailDocument, { input: input('guardrail') });
  const script = await run(operations.RegisterCustomScriptDocument, {
    input: { ...input('script'), language: 'Python', languageVersion: '3.13' },
  });
  await run(operations.RegisterOcrDeploymentDocument, {
    input: { ...input('ocr'), ocrModel: 'layout' },
  });
  await run(operations.RegisterBrowserPodDocument, { input: input('pod') });
  await run(operations.RegisterResourcesDocument, {
    accountId,
    resources: [{ kind: 'GUARDRAIL', externalId: 'another', name: 'Another' }],
  });
  return {
    workflowId: workflow.registerWorkflow.id,
    modelId,
    deploymentId: deployment.registerModelDeployment.id,
    guardrailId: guardrail.registerGuardrail.id,
    scriptId: script.registerCustomScript.id,
  };
}

async function use(accountId: string, ids: Record<string, string>): Promise<void> {
  const [workflowId = '', deploymentId = ''] = [ids['workflowId'], ids['deploymentId']];
  const [guardrailId = '', scriptId = ''] = [ids['guardrailId'], ids['scriptId']];
  await run(operations.DeployWorkflowDocument, { id: workflowId });
  await run(operations.DeploymentQuoteDocument, { input: { accountId, hardware: 'small' } });
  await run(operations.CreditsQuoteDocument, {
    accountId,
    input: { accountId, hardware: 'small' },
  });
  await run(operations.DeployDocument, { input: { id: deploymentId, hardware: 'small' } });
  await run(operations.RunningDeploymentsDocument, { accountId, search: 'a', first: 50 });
  await run(operations.DeployDocument, {
    input: { id: guardrailId, hardware: 'large', ready: false },
  });
  await run(operations.DeploymentReadyDocument, { id: guardrailId });
  await run(operations.ScaleDocument, { input: { id: guardrailId, replicas: 2 } });
  await run(operations.SetHardwareRateDocument, {
    input: { hardware: 'small', creditsPerHour: '4' },
  });
  await run(operations.RecordUsageDocument, {
    accountId,
    events: [
      event('run', 'WORKFLOW_RUN', { resourceKind: 'WORKFLOW', resourceExternalId: 'workflow' }),
      event('tuning', 'FINE_TUNING', { modelExternalId: 'model', credits: '14.2' }),
    ],
  });
  await run(operations.RecordHostingDocument, {
    accountId,
    periods: [
      {
        source: 's',
        eventId: 'period',
        resourceId: scriptId,
        hardware: 'small',
        from: '2026-03-10T10:00:00.000Z',
        to: '2026-03-10T11:00:00.000Z',
      },
    ],
  });
  await run(operations.DeploymentFailedDocument, { id: guardrailId, message: 'It was lost.' });
  await run(operations.UndeployWorkflowDocument, { id: workflowId });
  await run(operations.VoidUsageDocument, {
    accountId,
    source: 's',
    eventId: 'tuning',
    reason: 'counted twice',
  });
}

function event(
  eventId: string,
  type: operations.UsageEventType,
  more: Partial<operations.UsageEventInput>,
): operations.UsageEventInput {
  return { source: 's', eventId, type, occurredAt: '2026-03-10T11:59:00.000Z', ...more };
}

async function keepCredits(accountId: string): Promise<void> {
  const threshold = await run(operations.CreateThresholdDocument, {
    input: { accountId, measure: 'CREDITS_REMAINING', value: '1000', label: 'below a thousand' },
  });
  await run(operations.ThresholdsDocument, { accountId });
  await run(operations.DeleteThresholdDocument, { id: threshold.createThreshold.id });
  await run(operations.SetCreditPolicyDocument, { input: { accountId, lowCredit: '1' } });
  await run(operations.DeploymentPolicyDocument, { accountId });
  await run(operations.SetCreditPriceDocument, {
    input: { accountId, currency: 'EUR', listPerCredit: '0.02', contractedPerCredit: '0.01' },
  });
  await run(operations.CreditPricesDocument, { accountId });
  const adjusted = await run(operations.AdjustCreditsDocument, {
    input: { accountId, amount: '-1.5', reason: 'a correction', idempotencyKey: 'correction' },
  });
  await run(operations.LedgerEntryDocument, { id: adjusted.adjustCredits.id });
  await run(operations.AdvanceTestClockDocument, { accountId, to: JUNE });
  const allocations = await run(operations.AllocationsDocument, { accountId });
  const [last] = allocations.account?.allocations.nodes ?? [];
  await run(operations.VoidAllocationDocument, { id: last?.id ?? '', reason: 'ended' });
  await run(operations.CreditsDocument, { accountId });
  await run(operations.ProjectionDocument, { accountId });
  await run(operations.BillingCyclesDocument, { accountId });
  await run(operations.LedgerDocument, { accountId });
  await gateway.app.issuing.issueAll();
  const statements = await run(operations.StatementsDocument, { accountId });
  const [newest] = statements.account?.statements.nodes ?? [];
  await run(operations.StatementDocument, { id: newest?.id ?? '' });
  await run(operations.CreditsTabDocument, { accountId, last: 25 });
}

async function ask(accountId: string, ids: Record<string, string>): Promise<void> {
  const range = { from: '2026-03-01T00:00:00.000Z', to: JUNE };
  await run(operations.FleetDocument, { first: 1, orderBy: { field: 'STOPS_AT' } });
  await run(operations.AccountsDocument, { range });
  await run(operations.AccountDocument, { id: accountId });
  await run(operations.HardwareProfilesDocument, {});
  await run(operations.OverviewDocument, { accountId, range });
  await run(operations.ReportDocument, { accountId, range, groupBy: ['CATEGORY', 'HARDWARE'] });
  await run(operations.UsageEventsDocument, { accountId, range });
  for (const tab of [
    operations.WorkflowsTabDocument,
    operations.ModelsTabDocument,
    operations.GuardrailsTabDocument,
    operations.CustomScriptsTabDocument,
    operations.OcrDeploymentsTabDocument,
    operations.BrowserPodsTabDocument,
  ]) {
    await run<unknown, { accountId: string; range: typeof range }>(tab, { accountId, range });
  }
  await run(operations.WorkflowPanelDocument, { id: ids['workflowId'] ?? '', range });
  await run(operations.HostedPanelDocument, { id: ids['guardrailId'] ?? '', range });
  await run(operations.ModelPanelDocument, { id: ids['modelId'] ?? '', range });
  await run(operations.PanelDocument, { id: ids['guardrailId'] ?? '', range });
  await run(operations.SegmentsDocument, { id: ids['guardrailId'] ?? '', range });
}

async function readLog(accountId: string): Promise<void> {
  const log = await run(operations.AuditLogDocument, { accountId });
  await run(operations.AuditEntryByIdDocument, { id: log.auditLog?.nodes[0]?.id ?? '' });
}

async function tell(accountId: string): Promise<void> {
  await run(operations.PastAlertsDocument, { accountId });
  await run(operations.AlertsOfAccountsDocument, {});
  const after = await firstCursor(accountId);
  await listen(operations.CreditAlertsDocument, { accountId, after });
  await listen(operations.CreditAlertsWithCauseDocument, { accountId, after });
  await listen(operations.CreditBalanceDocument, { accountId });
  await readLog(accountId);
  const emails = await run(operations.EmailsDocument, { accountId });
  await run(operations.EmailByIdDocument, { id: emails.emails?.nodes[0]?.id ?? '' });

  const hooks = await run(operations.WebhookEndpointsDocument, { accountId });
  const [endpoint] = hooks.webhookEndpoints ?? [];
  const { id = '', deliveries } = endpoint ?? {};
  const deliveryId = deliveries?.nodes[0]?.id ?? '';
  await run(operations.WebhookDeliveryDocument, { id: deliveryId });
  await run(operations.RedeliverWebhookDocument, { deliveryId });
  await run(operations.SendTestWebhookDocument, { endpointId: id });
  await run(operations.RotateWebhookSecretDocument, { id });
  await run(operations.UpdateWebhookEndpointDocument, { id, enabled: false });
  await run(operations.DeleteWebhookEndpointDocument, { id });
}

async function firstCursor(accountId: string): Promise<string> {
  const { account } = await run(operations.PastAlertsDocument, { accountId, first: 1 });
  return account?.alerts.edges[0]?.cursor ?? '';
}

async function end(accountId: string, ids: Record<string, string>): Promise<void> {
  await run(operations.UndeployDocument, { id: ids['deploymentId'] ?? '' });
  await run(operations.DeleteResourceDocument, { id: ids['guardrailId'] ?? '' });
  await run(operations.UpdateAccountDocument, { input: { accountId, name: 'Acme Ltd' } });
  const key = await run(operations.CreateApiKeyDocument, {
    input: { accountId, name: 'page', scopes: ['READ_USAGE'] },
  });
  await run(operations.RevokeApiKeyDocument, { id: key.createApiKey.apiKey.id });
  await run(operations.CreatePortalTokenDocument, { accountId });
  await run(operations.CloseAccountDocument, { accountId });
  await run(operations.ErasePersonalDataDocument, { accountId });
}

it('answers every operation under schema/operations', async () => {
  const accountId = await openAccount();
  const ids = await register(accountId);
  await use(accountId, ids);
  await keepCredits(accountId);
  await ask(accountId, ids);
  await tell(accountId);
  await end(accountId, ids);

  const all = Object.keys(operations).filter((name) => name.endsWith('Document'));
  expect([...ran].sort()).toEqual(all.map((name) => name.slice(0, -'Document'.length)).sort());
});
