// What tests make through the API: accounts with credits, and what is deployed on them. It is asked of a gateway in this
// process or in one of its own, and whatever is refused throws.

import { decodeId } from '../../src/core/identity.ts';
import type { Answer, TestGateway } from './gateway.ts';
import {
  AdvanceTestClockDocument,
  PastAlertsDocument,
  type PastAlertsQuery,
  AllocateDocument,
  type AllocateInput,
  CreateAccountDocument,
  type CreateAccountInput,
  CreateApiKeyDocument,
  type CreateApiKeyInput,
  CreateHardwareProfileDocument,
  type CreateHardwareProfileInput,
  DeployDocument,
  type DeployInput,
  RecordUsageDocument,
  type RegisterAnyInput,
  RegisterGuardrailDocument,
  type RegisterResourceInput,
  RegisterResourcesDocument,
  type Scope,
  UndeployDocument,
  type UsageEventInput,
  type Operation,
} from '@billing-gateway/client/operations';

/** What answers operations. */
export type Api = Pick<TestGateway, 'query'>;

/** An account warned of nothing but its three limits. */
export const NO_THRESHOLDS = { usageThresholds: [], hoursToStop: [] } as const;

let made = 0;

/** The data of an answer without errors. */
export function dataOf<T>(answer: Answer<T>): T {
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

/** What an operation answers, with the operator's key unless another is given. */
export async function ask<TData, TVariables>(
  api: Api,
  document: Operation<TData, TVariables>,
  variables: TVariables,
  key?: string,
): Promise<TData>;
export async function ask<TData>(
  api: Api,
  document: string,
  variables?: Readonly<Record<string, unknown>>,
  key?: string,
): Promise<TData>;
export async function ask(
  api: Api,
  document: Operation<unknown, unknown> | string,
  variables?: unknown,
  key?: string,
): Promise<unknown> {
  // One of the two overloads, which only tell the types of the answer.
  const operation = document as Operation<unknown, unknown>;
  return dataOf(await api.query(operation, variables, key));
}

/** @returns the account's id */
export async function createAccount(
  api: Api,
  input: Partial<CreateAccountInput> = {},
): Promise<string> {
  const data = await ask(api, CreateAccountDocument, { input: { name: 'A', ...input } });
  return data.createAccount.id;
}

/** The account's own number, as the tables have it. */
export function numberOf(accountId: string): number {
  return decodeId(accountId)?.localId ?? 0;
}

/** Under an idempotency key of its own, unless one is given. @returns the allocation's id */
export async function allocate(
  api: Api,
  accountId: string,
  amount: string,
  input: Partial<AllocateInput> = {},
): Promise<string> {
  made += 1;
  const data = await ask(api, AllocateDocument, {
    input: { accountId, amount, idempotencyKey: `allocation ${made}`, ...input },
  });
  return data.allocate.id;
}

/** Gives an account credits enough for anything that a test deploys. */
export async function fund(api: Api, accountId: string): Promise<void> {
  await allocate(api, accountId, '1000000');
}

/** A profile whose rate is all that matters. @returns its id */
export async function createHardware(
  api: Api,
  name: string,
  creditsPerHour: string,
  input: Partial<CreateHardwareProfileInput> = {},
): Promise<string> {
  const shape = { kind: 'GPU', model: 'M', vcpus: 1, gpus: 1, memoryGb: 1 } as const;
  const data = await ask(api, CreateHardwareProfileDocument, {
    input: { name, creditsPerHour, ...shape, ...input },
  });
  return data.createHardwareProfile.id;
}

/** @returns the guardrail's id */
export async function registerGuardrail(
  api: Api,
  accountId: string,
  externalId = 'g',
  input: Partial<RegisterResourceInput> = {},
): Promise<string> {
  const data = await ask(api, RegisterGuardrailDocument, {
    input: { accountId, externalId, name: externalId, ...input },
  });
  return data.registerGuardrail.id;
}

/** @returns the ids of the resources, in the order given */
export async function register(
  api: Api,
  accountId: string,
  ...resources: readonly RegisterAnyInput[]
): Promise<readonly string[]> {
  const data = await ask(api, RegisterResourcesDocument, { accountId, resources });
  return data.registerResources;
}

export async function deploy(
  api: Api,
  id: string,
  hardware: string,
  input: Partial<DeployInput> = {},
): Promise<void> {
  await ask(api, DeployDocument, { input: { id, hardware, ...input } });
}

export async function undeploy(api: Api, id: string): Promise<void> {
  await ask(api, UndeployDocument, { id });
}

/** A guardrail of the account's that burns from now on. @returns its id */
export async function deployGuardrail(
  api: Api,
  accountId: string,
  hardware: string,
  externalId = 'g',
): Promise<string> {
  const id = await registerGuardrail(api, accountId, externalId);
  await deploy(api, id, hardware);
  return id;
}

/** Moves the clock of a test account. */
export async function moveClock(api: Api, accountId: string, to: string): Promise<void> {
  await ask(api, AdvanceTestClockDocument, { accountId, to });
}

/** Records one event under an id of its own, unless one is given: a guardrail's PROCESSING, unless it says otherwise. */
export async function recordUsage(
  api: Api,
  accountId: string,
  event: Partial<UsageEventInput> & Pick<UsageEventInput, 'occurredAt'>,
): Promise<void> {
  made += 1;
  const one = { source: 's', eventId: `event ${made}`, type: 'PROCESSING', ...event } as const;
  const data = await ask(api, RecordUsageDocument, { accountId, events: [one] });
  if (data.recordUsage.accepted !== 1) throw new Error(JSON.stringify(data.recordUsage));
}

type Alert = NonNullable<PastAlertsQuery['account']>['alerts']['edges'][number]['node'];

/** What an account was told, the oldest first. */
export async function alertsOf(api: Api, accountId: string): Promise<readonly Alert[]> {
  const { account } = await ask(api, PastAlertsDocument, { accountId, first: 100 });
  return account?.alerts.edges.map(({ node }) => node) ?? [];
}

/** A key of the account's own. @returns its id and the secret */
export async function createKey(
  api: Api,
  accountId: string,
  scopes: readonly Scope[],
  input: Partial<CreateApiKeyInput> = {},
): Promise<{ readonly id: string; readonly secret: string }> {
  const { createApiKey } = await ask(api, CreateApiKeyDocument, {
    input: { accountId, name: 'key', scopes, ...input },
  });
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}
