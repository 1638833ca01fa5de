// Lets a planned history happen on a gateway under test, through its public API.

import { decodeId } from '../../../src/core/identity.ts';
import { formatMicro } from '../../../src/core/micro.ts';
import type { HistoryPlan, PlannedEvent, Step } from '../arbitraries.ts';
import type { TestGateway } from '../gateway.ts';
import {
  AllocateDocument,
  CreateAccountDocument,
  CreateHardwareProfileDocument,
  DeleteResourceDocument,
  DeployDocument,
  DeployWorkflowDocument,
  RecordHostingDocument,
  RecordUsageDocument,
  RegisterModelDocument,
  RegisterResourcesDocument,
  ScaleDocument,
  SetHardwareRateDocument,
  UndeployDocument,
  UndeployWorkflowDocument,
  UpdateAccountDocument,
  UsageEventsDocument,
  VoidUsageDocument,
  type RegisterAnyInput,
} from '@billing-gateway/client/operations';

const AHEAD_MS = 5 * 60_000;
const SOURCE = 'history';

export const HARDWARE = ['gpu-a', 'gpu-b', 'cpu-a'] as const;
export const MODELS = ['model-1', 'model-2', 'model-unused'] as const;

function typeOfModel(index: number): 'BASE' | 'FINE_TUNED' {
  return index % 2 === 0 ? 'BASE' : 'FINE_TUNED';
}

const park: readonly RegisterAnyInput[] = [
  { kind: 'WORKFLOW', externalId: 'wf-1', name: 'Flow 1', owner: 'ana' },
  { kind: 'WORKFLOW', externalId: 'wf-2', name: 'Flow 2' },
  { kind: 'WORKFLOW', externalId: 'wf-draft', name: 'Draft' },
  ...['md-1', 'md-2', 'md-3'].map((externalId, i) => ({
    kind: 'MODEL_DEPLOYMENT' as const,
    externalId,
    name: `Deployment ${i}`,
    owner: i === 0 ? 'ana' : 'ben',
    modelExternalId: i < 2 ? MODELS[0] : MODELS[1],
    modelType: typeOfModel(i < 2 ? 0 : 1),
  })),
  { kind: 'GUARDRAIL', externalId: 'gr-1', name: 'Guardrail 1', owner: 'ben' },
  { kind: 'GUARDRAIL', externalId: 'gr-unused', name: 'Guardrail 2' },
  {
    kind: 'CUSTOM_SCRIPT',
    externalId: 'cs-1',
    name: 'Script 1',
    language: 'python',
    languageVersion: '3',
  },
  {
    kind: 'CUSTOM_SCRIPT',
    externalId: 'cs-2',
    name: 'Script 2',
    language: 'TypeScript',
    languageVersion: '6',
  },
  { kind: 'OCR_DEPLOYMENT', externalId: 'ocr-1', name: 'Ocr 1', ocrModel: 'x', owner: 'ana' },
  { kind: 'OCR_DEPLOYMENT', externalId: 'ocr-2', name: 'Ocr 2', ocrModel: 'y' },
  { kind: 'BROWSER_POD', externalId: 'bp-1', name: 'Pod 1' },
  { kind: 'BROWSER_POD', externalId: 'bp-2', name: 'Pod 2', owner: 'ben' },
];
const workflows = park.filter(({ kind }) => kind === 'WORKFLOW').slice(0, 2);
const hosted = park.filter(
  ({ kind, externalId }) => kind !== 'WORKFLOW' && externalId !== 'gr-unused',
);

/** An account under test. */
export interface Life {
  readonly gateway: TestGateway;
  readonly accountId: string;
  /** Its number in the database. */
  readonly account: number;
  /** How many calls of each kind of step took effect. */
  readonly done: Readonly<Record<string, number>>;
  /** The account's zones, from when on each was its own. */
  readonly zones: readonly { readonly from: number; readonly zone: string }[];
}

interface Living {
  readonly gateway: TestGateway;
  readonly accountId: string;
  readonly ids: ReadonlyMap<string, string>;
  readonly eventIds: string[];
  readonly done: Record<string, number>;
  readonly zones: { from: number; zone: string }[];
}

/**
 * Creates the account with its park and lets every step happen; the clock ends at the plan's now.
 * @param afterStep called after each step with the account's number
 */
export async function live(
  gateway: TestGateway,
  plan: HistoryPlan,
  afterStep: (account: number) => Promise<void> = () => Promise.resolve(),
): Promise<Life> {
  gateway.clock.moveTo(plan.startMs);
  const living = await settle(gateway, plan);
  const account = decodeId(living.accountId)?.localId ?? 0;
  for (const [index, step] of plan.steps.entries()) {
    const share = (index + 1) / plan.steps.length;
    gateway.clock.moveTo(Math.floor(plan.startMs + (plan.nowMs - plan.startMs) * share));
    const count = await happen(living, step);
    living.done[step.what] = (living.done[step.what] ?? 0) + count;
    await afterStep(account);
  }
  const { accountId, done, zones } = living;
  return { gateway, accountId, account, done, zones };
}

async function settle(gateway: TestGateway, plan: HistoryPlan): Promise<Living> {
  const { zone: timeZone, cycleDay } = plan;
  const created = await gateway.query(CreateAccountDocument, {
    input: { name: 'History', timeZone, cycleDay },
  });
  const accountId = created.data.createAccount.id;
  for (const [index, name] of HARDWARE.entries()) {
    const shape = { kind: 'GPU' as const, model: 'M', vcpus: 1, gpus: 1, memoryGb: 1 };
    await gateway.query(CreateHardwareProfileDocument, {
      input: { name, ...shape, creditsPerHour: formatMicro(BigInt(1_234_567 + index * 777_777)) },
    });
  }
  for (const [index, externalId] of MODELS.entries()) {
    await gateway.query(RegisterModelDocument, {
      input: { accountId, externalId, name: externalId, type: typeOfModel(index) },
    });
  }
  const { data } = await gateway.query(RegisterResourcesDocument, { accountId, resources: park });
  const ids = new Map(
    park.map(({ externalId }, index) => [externalId, data.registerResources[index] ?? '']),
  );
  await allocate(gateway, accountId, plan);
  const zones = [{ from: plan.startMs, zone: timeZone }];
  return { gateway, accountId, ids, eventIds: [], done: {}, zones };
}

async function allocate(gateway: TestGateway, accountId: string, plan: HistoryPlan): Promise<void> {
  const at = (offsetDays: number): string => iso(plan.nowMs + offsetDays * 86_400_000);
  const grants = [
    // So that nothing is refused or stopped for lack of credits.
    { amount: '1000000000', effectiveAt: iso(plan.startMs) },
    { amount: '300', effectiveAt: at(-60), expiresAt: at(-5) },
    { amount: '1000.000001', effectiveAt: at(-40) },
    { amount: '10000', unit: 'WORKFLOW_RUNS' as const, effectiveAt: at(-10) },
    { amount: '77', effectiveAt: at(3), expiresAt: at(9) },
  ];
  for (const [index, grant] of grants.entries()) {
    await gateway.query(AllocateDocument, {
      input: { accountId, idempotencyKey: `grant-${index}`, ...grant },
    });
  }
}

/** Takes the newest events back: those that say when their resources were last active. */
export async function voidNewest({ gateway, accountId }: Life, count: number): Promise<void> {
  const range = { from: '2000-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
  const answer = await gateway.query(UsageEventsDocument, { accountId, range, first: count });
  for (const { source, eventId } of answer.data.account?.usageEvents.nodes ?? []) {
    const reason = 'mistake';
    await gateway.query(VoidUsageDocument, { accountId, source, eventId, reason });
  }
}

/** @returns how much of the step took effect */
async function happen(living: Living, step: Step): Promise<number> {
  const { gateway, accountId } = living;
  switch (step.what) {
    case 'events':
      return recordEvents(living, step.events);
    case 'periods':
      return recordPeriods(living, step);
    case 'void':
      return voidSome(living, step.shares);
    case 'hosting':
      return changeHosting(living, step);
    case 'workflow':
      return changeWorkflow(living, step);
    case 'rate':
      return changeRate(living, step);
    case 'zone':
      await gateway.query(UpdateAccountDocument, { input: { accountId, timeZone: step.zone } });
      living.zones.push({ from: gateway.clock.nowMs(), zone: step.zone });
      return 1;
    case 'fold':
      await gateway.fold();
      return 1;
  }
}

async function changeWorkflow(
  { gateway, ids }: Living,
  step: Extract<Step, { what: 'workflow' }>,
): Promise<number> {
  const id = ids.get(park[step.workflow]?.externalId ?? '') ?? '';
  const { errors } = step.deploys
    ? await gateway.query(DeployWorkflowDocument, { id })
    : await gateway.query(UndeployWorkflowDocument, { id });
  return errors === undefined ? 1 : 0;
}

async function changeRate(
  { gateway }: Living,
  step: Extract<Step, { what: 'rate' }>,
): Promise<number> {
  const { errors } = await gateway.query(SetHardwareRateDocument, {
    input: {
      hardware: HARDWARE[step.hardware] ?? '',
      creditsPerHour: formatMicro(BigInt(step.micro)),
      effectiveFrom: iso(gateway.clock.nowMs() + step.aheadMs),
    },
  });
  return errors === undefined ? 1 : 0;
}

async function recordEvents(living: Living, events: readonly PlannedEvent[]): Promise<number> {
  const latestMs = living.gateway.clock.nowMs() + AHEAD_MS;
  const inputs = events.map(({ type, subject, atMs, quantity, unit, micro }) => {
    const eventId = newEventId(living);
    const ofModel = type === 'FINE_TUNING' || type === 'STORAGE';
    const choices = type === 'WORKFLOW_RUN' ? workflows : hosted;
    const named = choices[subject % choices.length];
    return {
      source: SOURCE,
      eventId,
      type,
      occurredAt: iso(Math.min(atMs, latestMs)),
      quantity,
      unit,
      ...(type === 'WORKFLOW_RUN' ? {} : { credits: formatMicro(BigInt(micro)) }),
      ...(ofModel
        ? { modelExternalId: MODELS[subject % 2] ?? '' }
        : { resourceKind: named?.kind ?? null, resourceExternalId: named?.externalId ?? null }),
    };
  });
  const { data } = await living.gateway.query(RecordUsageDocument, {
    accountId: living.accountId,
    events: inputs,
  });
  if (data.recordUsage.accepted !== events.length) throw new Error(JSON.stringify(data));
  return events.length;
}

async function recordPeriods(
  living: Living,
  { periods }: Extract<Step, { what: 'periods' }>,
): Promise<number> {
  const nowMs = living.gateway.clock.nowMs();
  const inputs = periods.map((period) => {
    const named = hosted[period.hosted];
    const toMs = Math.min(period.toMs, nowMs);
    return {
      source: SOURCE,
      eventId: newEventId(living),
      resourceKind: named?.kind ?? null,
      resourceExternalId: named?.externalId ?? null,
      hardware: HARDWARE[period.hardware] ?? '',
      replicas: period.replicas,
      from: iso(toMs - period.lengthMs),
      to: iso(toMs),
    };
  });
  const { data } = await living.gateway.query(RecordHostingDocument, {
    accountId: living.accountId,
    periods: inputs,
  });
  return data.recordHosting.accepted;
}

async function voidSome(living: Living, shares: readonly number[]): Promise<number> {
  let voided = 0;
  for (const share of shares) {
    const eventId = living.eventIds[Math.floor((share / 10_000) * living.eventIds.length)];
    if (eventId === undefined) continue;
    const answer = await living.gateway.query(VoidUsageDocument, {
      accountId: living.accountId,
      source: SOURCE,
      eventId,
      reason: 'mistake',
    });
    // A period that overlapped was rejected, so nothing is there to void.
    if (answer.errors === undefined && answer.data.voidUsage.voided) voided += 1;
  }
  return voided;
}

async function changeHosting(
  { gateway, ids }: Living,
  step: Extract<Step, { what: 'hosting' }>,
): Promise<number> {
  const id = ids.get(hosted[step.hosted]?.externalId ?? '') ?? '';
  const at = step.backMs === 0 ? null : iso(gateway.clock.nowMs() - step.backMs);
  const input = { id, at, hardware: HARDWARE[step.hardware] ?? '', replicas: step.replicas };
  const calls = {
    deploy: () => gateway.query(DeployDocument, { input }),
    scale: () => gateway.query(ScaleDocument, { input }),
    undeploy: () => gateway.query(UndeployDocument, { id, at }),
    delete: () => gateway.query(DeleteResourceDocument, { id, at }),
  };
  const { errors } = await calls[step.call]();
  return errors === undefined ? 1 : 0;
}

function newEventId(living: Living): string {
  const eventId = `e-${living.eventIds.length}`;
  living.eventIds.push(eventId);
  return eventId;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
