// An example of every root field: what it needs, and calls of it that succeed for an account of its own. The tests that
// walk the schema share them: who may call a field (scopes), that it shows nothing of other accounts (isolation), and that
// what it changes is recorded (audit).

import { type GraphQLField, isObjectType } from 'graphql';
import { nodeTypes, type NodeType, type Scope } from '../../src/core/identity.ts';
import { isoInstant } from '../../src/core/range.ts';
import { buildGatewaySchema } from '../../src/schema.ts';
import {
  allocate,
  ask,
  createAccount,
  createKey,
  deploy,
  fund,
  recordUsage,
  register,
} from './account.ts';
import { TEST_NOW, type TestGateway } from './gateway.ts';
import { runDueJobs } from './jobs.ts';
import {
  CreateThresholdDocument,
  CreateWebhookEndpointDocument,
  DeployWorkflowDocument,
  RecordUsageDocument,
  type RegisterAnyInput,
  ScaleDocument,
  UpdateAccountDocument,
} from '@billing-gateway/client/operations';

export type Variables = Readonly<Record<string, unknown>>;

/** What a root field needs, and calls of it that succeed. Each has a target of its own, where a call uses one up. */
export interface Example {
  readonly scope: Scope;
  /** Their arguments. Together they give every argument that names something. */
  readonly calls: readonly (() => Variables | Promise<Variables>)[];
}

/** The schema that the examples are of. */
export const apiSchema = buildGatewaySchema(null);

const roots = {
  query: apiSchema.getQueryType(),
  subscription: apiSchema.getSubscriptionType(),
  mutation: apiSchema.getMutationType(),
} as const;

/** The names of all root fields, what writes last. */
export const rootNames = Object.values(roots).flatMap((type) =>
  isObjectType(type) ? Object.keys(type.getFields()) : [],
);

/** @throws when there is none of this name */
export function rootField(name: string): GraphQLField<unknown, unknown> {
  const found = Object.values(roots).flatMap((type) => type?.getFields()[name] ?? []);
  if (found[0] === undefined) throw new Error(`no root field ${name}`);
  return found[0];
}

/** Whether a root field is asked by a query, a mutation or a subscription. */
export function kindOf(name: string): keyof typeof roots {
  if (roots.mutation?.getFields()[name] !== undefined) return 'mutation';
  return roots.subscription?.getFields()[name] === undefined ? 'query' : 'subscription';
}

/** An operation on one root field that passes these variables as its arguments. @param selection with its braces */
export function operationOf(name: string, variables: Variables, selection: string): string {
  const given = rootField(name).args.filter((arg) => variables[arg.name] !== undefined);
  const declared = given.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = given.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const field = given.length === 0 ? name : `${name}(${passed})`;
  return `${kindOf(name)} ${given.length === 0 ? '' : `(${declared})`} { ${field} ${selection} }`;
}

/** The hardware that examples run on; a test creates it. */
export const EXAMPLE_HARDWARE = 'gpu';

const EARLIER = '2026-01-05T00:00:00.000Z';
const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number): string => isoInstant(Date.parse(TEST_NOW) - hours * HOUR_MS);

interface Opened {
  readonly name: string;
  readonly rows: number;
  /** When it was created. */
  readonly since?: string;
}

/** An account that has at least `rows` rows (two or more) in every list, and an example of every root field for it. */
export class ExampleAccount {
  /** Every root field. */
  readonly fields: Readonly<Record<string, Example>>;
  private made = 0;

  private constructor(
    private readonly gateway: TestGateway,
    readonly name: string,
    readonly accountId: string,
    /** One of each type. */
    readonly ids: Readonly<Record<NodeType, string>>,
  ) {
    this.fields = {
      ...ofScope('READ_USAGE', this.reads()),
      ...ofScope('INGEST', { ...this.registering(), ...this.recording(), ...this.deploying() }),
      ...ofScope('MANAGE', this.managing()),
      ...ofScope('OPERATOR', this.operating()),
    };
  }

  static async open(
    gateway: TestGateway,
    { name, rows, since = EARLIER }: Opened,
  ): Promise<ExampleAccount> {
    const accountId = await createAccount(gateway, {
      ...{ name, externalId: name, createdAt: since, creditsFrom: since },
      notificationEmails: [`${name}@example.com`],
    });
    await fund(gateway, accountId);
    await createEndpoint(gateway, accountId);
    await fill(gateway, { accountId, name, rows });
    await runDueJobs(gateway);
    await gateway.app.issuing.issueAll();
    return new ExampleAccount(gateway, name, accountId, await idsOf(gateway, accountId));
  }

  /** A name that nothing has yet. */
  private fresh(what: string): string {
    this.made += 1;
    return `${this.name} ${what} ${this.made}`;
  }

  /** Where webhooks go: an address that holds a secret. */
  private url(): string {
    return `http://127.0.0.1:9999/hooks?token=${this.fresh('token').replaceAll(' ', '-')}`;
  }

  private async aResource(
    kind: RegisterAnyInput['kind'] = 'GUARDRAIL',
  ): Promise<{ readonly id: string; readonly externalId: string }> {
    const externalId = this.fresh(kind);
    const one = { kind, externalId, name: externalId };
    const [id = ''] = await register(this.gateway, this.accountId, one);
    return { id, externalId };
  }

  private async aDeployed(ready = true): Promise<string> {
    const { id } = await this.aResource();
    await deploy(this.gateway, id, EXAMPLE_HARDWARE, { ready });
    return id;
  }

  /** A model that has a deployment. @returns its external id */
  private async aModel(): Promise<string> {
    const modelExternalId = this.fresh('model');
    const externalId = this.fresh('deployment');
    await register(this.gateway, this.accountId, {
      ...{ kind: 'MODEL_DEPLOYMENT', externalId, name: externalId },
      ...{ modelExternalId, modelName: 'm', modelType: 'BASE' },
    });
    return modelExternalId;
  }

  private async aThreshold(): Promise<string> {
    const input = { accountId: this.accountId, measure: 'CREDITS_REMAINING' } as const;
    const { createThreshold } = await ask(this.gateway, CreateThresholdDocument, {
      input: { ...input, value: '7', label: this.fresh('threshold') },
    });
    return createThreshold.id;
  }

  /** The cursor of a row of a list: of the first one, unless another place is given. */
  private async cursor(list: string, place = 0): Promise<string> {
    const { accountId: id, gateway } = this;
    const data = await ask<unknown>(
      gateway,
      `query ($id: ID!) { account(id: $id) { id } ${list} }`,
      { id },
    );
    const cursors = [...JSON.stringify(data).matchAll(/"cursor":"([^"]+)"/g)];
    const cursor = cursors.at(place)?.[1];
    if (cursor === undefined) throw new Error(`no rows: ${list}`);
    return cursor;
  }

  private identity(): Variables {
    return { source: this.fresh('source'), eventId: this.fresh('event') };
  }

  private usage(event: Variables): Variables {
    const one = { ...this.identity(), credits: '1', occurredAt: TEST_NOW, ...event };
    return { accountId: this.accountId, events: [one] };
  }

  private hosting(of: Variables): Variables {
    const period = { hardware: EXAMPLE_HARDWARE, from: hoursAgo(2), to: hoursAgo(1) };
    return { accountId: this.accountId, periods: [{ ...this.identity(), ...period, ...of }] };
  }

  /** What registering takes, besides what a kind has of its own. */
  private registered(more: Variables = {}): () => Variables {
    return () => {
      const externalId = this.fresh('registered');
      return { input: { accountId: this.accountId, externalId, name: 'n', ...more } };
    };
  }

  private reads(): Readonly<Record<string, Example['calls']>> {
    const { accountId, ids, name } = this;
    const quoted = { accountId, hardware: EXAMPLE_HARDWARE };
    return {
      account: [() => ({ id: accountId }), () => ({ externalId: name })],
      creditAlerts: [
        async () => ({
          accountId,
          after: await this.cursor('account(id: $id) { alerts(last: 2) { edges { cursor } } }'),
        }),
      ],
      creditBalance: [() => ({ accountId })],
      deploymentQuote: [
        () => ({ input: quoted }),
        async () => ({ input: { ...quoted, resourceId: (await this.aResource()).id } }),
      ],
      hardwareProfiles: [() => ({})],
      node: Object.values(ids).map((id) => () => ({ id })),
      resource: [
        async () => ({ id: (await this.aResource()).id }),
        async () => ({
          ...{ accountId, kind: 'GUARDRAIL', externalId: (await this.aResource()).externalId },
        }),
      ],
    };
  }

  private registering(): Readonly<Record<string, Example['calls']>> {
    const { accountId, ids } = this;
    return {
      registerBrowserPod: [this.registered()],
      registerCustomScript: [this.registered({ language: 'l', languageVersion: '1' })],
      registerGuardrail: [this.registered()],
      registerModel: [this.registered({ type: 'BASE' })],
      registerModelDeployment: [this.registered({ modelId: ids.Model })],
      registerOcrDeployment: [this.registered({ ocrModel: 'm' })],
      registerResources: [
        async () => {
          const externalId = this.fresh('registered');
          const one = { kind: 'MODEL_DEPLOYMENT', externalId, name: 'n', modelType: 'BASE' };
          return { accountId, resources: [{ ...one, modelExternalId: await this.aModel() }] };
        },
      ],
      registerWorkflow: [this.registered()],
    };
  }

  private recording(): Readonly<Record<string, Example['calls']>> {
    const { accountId, ids } = this;
    const ofGuardrail = async (): Promise<Variables> => ({
      ...{ resourceKind: 'GUARDRAIL', resourceExternalId: (await this.aResource()).externalId },
    });
    return {
      recordHosting: [
        async () => this.hosting({ resourceId: (await this.aResource()).id }),
        async () => this.hosting(await ofGuardrail()),
      ],
      recordUsage: [
        async () => this.usage({ type: 'PROCESSING', resourceId: (await this.aResource()).id }),
        async () => this.usage({ type: 'PROCESSING', ...(await ofGuardrail()) }),
        () => this.usage({ type: 'STORAGE', modelId: ids.Model }),
        async () => this.usage({ type: 'STORAGE', modelExternalId: await this.aModel() }),
      ],
      voidUsage: [
        async () => {
          const event = { source: this.fresh('source'), eventId: this.fresh('event') };
          const resourceId = (await this.aResource()).id;
          const charged = { resourceId, occurredAt: TEST_NOW, credits: '1' };
          await recordUsage(this.gateway, accountId, { ...event, ...charged });
          return { accountId, ...event, reason: 'r' };
        },
      ],
    };
  }

  private deploying(): Readonly<Record<string, Example['calls']>> {
    const on = { hardware: EXAMPLE_HARDWARE };
    return {
      deleteResource: [async () => ({ id: (await this.aResource()).id })],
      deploy: [async () => ({ input: { id: (await this.aResource()).id, ...on } })],
      deploymentFailed: [async () => ({ id: await this.aDeployed(), message: 'm' })],
      deploymentReady: [async () => ({ id: await this.aDeployed(false) })],
      deployWorkflow: [async () => ({ id: (await this.aResource('WORKFLOW')).id })],
      scale: [async () => ({ input: { id: await this.aDeployed(), replicas: 2 } })],
      undeploy: [async () => ({ id: await this.aDeployed() })],
      undeployWorkflow: [
        async () => {
          const { id } = await this.aResource('WORKFLOW');
          await ask(this.gateway, DeployWorkflowDocument, { id });
          return { id };
        },
      ],
    };
  }

  private managing(): Readonly<Record<string, Example['calls']>> {
    const { accountId, ids } = this;
    const endpoint = { id: ids.WebhookEndpoint };
    return {
      apiKeys: [() => ({ accountId })],
      auditLog: [
        () => ({ accountId }),
        () => ({ accountId, target: ids.WebhookEndpoint }),
        () => ({ accountId, actor: ids.ApiKey }),
        async () => ({
          accountId,
          after: await this.cursor('auditLog(accountId: $id, first: 500) { edges { cursor } }', -1),
        }),
      ],
      createApiKey: [() => ({ input: { accountId, name: 'n', scopes: ['READ_USAGE'] } })],
      createPortalToken: [() => ({ accountId })],
      createThreshold: [
        () => ({
          input: {
            accountId,
            measure: 'CREDITS_REMAINING',
            value: '5',
            label: this.fresh('label'),
          },
        }),
      ],
      createWebhookEndpoint: [
        () => ({
          input: { accountId, url: this.url(), events: ['DEPLOYMENT_STOPPED'] },
        }),
      ],
      deleteThreshold: [async () => ({ id: await this.aThreshold() })],
      deleteWebhookEndpoint: [async () => ({ id: await createEndpoint(this.gateway, accountId) })],
      emails: [
        () => ({ accountId }),
        async () => ({
          accountId,
          after: await this.cursor('emails(accountId: $id, first: 1) { edges { cursor } }'),
        }),
      ],
      redeliverWebhook: [() => ({ deliveryId: ids.WebhookDelivery })],
      revokeApiKey: [
        async () => ({ id: (await createKey(this.gateway, accountId, ['READ_USAGE'])).id }),
      ],
      rotateWebhookSecret: [() => endpoint],
      sendTestWebhook: [() => ({ endpointId: ids.WebhookEndpoint })],
      updateAccount: [() => ({ input: { accountId, name: this.fresh('renamed') } })],
      updateWebhookEndpoint: [() => ({ ...endpoint, url: this.url() })],
      webhookEndpoints: [() => ({ accountId })],
    };
  }

  private operating(): Readonly<Record<string, Example['calls']>> {
    const { accountId, gateway } = this;
    const granted = (more: Variables) => () => {
      const idempotencyKey = this.fresh('key');
      return { input: { accountId, amount: '1', idempotencyKey, ...more } };
    };
    const cursor = (): Promise<string> => this.cursor('accounts(first: 1) { edges { cursor } }');
    const shape = { kind: 'GPU', model: 'm', vcpus: 1, gpus: 1, memoryGb: 1, creditsPerHour: '1' };
    return {
      accounts: [
        () => ({}),
        async () => ({ after: await cursor() }),
        async () => ({ last: 2, before: await cursor() }),
      ],
      adjustCredits: [granted({ reason: 'r' })],
      advanceTestClock: [() => ({ accountId, to: TEST_NOW })],
      allocate: [granted({})],
      closeAccount: [() => ({ accountId })],
      createAccount: [() => ({ input: { name: 'n', externalId: this.fresh('account') } })],
      createHardwareProfile: [() => ({ input: { name: this.fresh('hardware'), ...shape } })],
      erasePersonalData: [() => ({ accountId })],
      setCreditPolicy: [() => ({ input: { accountId, lowCredit: '1' } })],
      setCreditPrice: [
        () => ({
          input: {
            ...{ accountId, currency: 'EUR', listPerCredit: '0.02', contractedPerCredit: '0.01' },
            effectiveFrom: hoursAgo(-1),
          },
        }),
      ],
      setHardwareRate: [
        () => ({
          input: {
            hardware: EXAMPLE_HARDWARE,
            creditsPerHour: '2',
            effectiveFrom: hoursAgo(-1),
          },
        }),
      ],
      voidAllocation: [async () => ({ id: await allocate(gateway, accountId, '1'), reason: 'r' })],
    };
  }
}

function ofScope(
  scope: Scope,
  fields: Readonly<Record<string, Example['calls']>>,
): Readonly<Record<string, Example>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, calls]) => [name, { scope, calls }]),
  );
}

async function createEndpoint(gateway: TestGateway, accountId: string): Promise<string> {
  const { createWebhookEndpoint } = await ask(gateway, CreateWebhookEndpointDocument, {
    input: {
      ...{ accountId, url: 'http://127.0.0.1:9999/hooks' },
      events: ['ALERT_RAISED', 'DEPLOYMENT_STARTED', 'DEPLOYMENT_STOPPED'],
    },
  });
  return createWebhookEndpoint.endpoint.id;
}

const hostedKinds = [
  ...(['MODEL_DEPLOYMENT', 'GUARDRAIL', 'CUSTOM_SCRIPT', 'OCR_DEPLOYMENT'] as const),
  'BROWSER_POD' as const,
];

/** Where the workflow is among the resources of a row. */
const WORKFLOW = hostedKinds.length;

interface Filling {
  readonly accountId: string;
  readonly name: string;
  readonly rows: number;
}

/** Rows in every list: resources that ran and were used, alerts of credits, allocations. */
async function fill(gateway: TestGateway, { accountId, name, rows }: Filling): Promise<void> {
  const ofModel = (index: number) =>
    ({ modelExternalId: `${name} model ${index}`, modelName: 'm', modelType: 'BASE' }) as const;
  for (let row = 0; row < rows; row += 1) {
    const resources = [...hostedKinds, 'WORKFLOW' as const].map((kind) => ({
      ...{ kind, externalId: `${name} ${kind} ${row}`, name: `${kind} ${row}` },
      ...(kind === 'MODEL_DEPLOYMENT' ? ofModel(row) : {}),
      ...(kind === 'CUSTOM_SCRIPT' ? { language: 'l', languageVersion: '1' } : {}),
      ...(kind === 'OCR_DEPLOYMENT' ? { ocrModel: 'm' } : {}),
    }));
    // Another deployment of the first model, which leads the list of models.
    const externalId = `${name} deployment ${row}`;
    const more = { kind: 'MODEL_DEPLOYMENT', externalId, name: externalId, ...ofModel(0) } as const;
    const ids = await register(gateway, accountId, ...resources, more);
    const hosted = ids.filter((_id, index) => index !== WORKFLOW);
    await ask(gateway, DeployWorkflowDocument, { id: ids[WORKFLOW] ?? '' });
    for (const id of hosted) await run(gateway, id);
    await useOf(gateway, accountId, { ids, modelExternalId: ofModel(row).modelExternalId });
    await allocate(gateway, accountId, '10');
    await ask(gateway, CreateThresholdDocument, {
      input: { accountId, measure: 'CREDITS_REMAINING', value: String(5_000_000 + row) },
    });
  }
}

/** Two segments, the second of which goes on. */
async function run(gateway: TestGateway, id: string): Promise<void> {
  await deploy(gateway, id, EXAMPLE_HARDWARE, { at: hoursAgo(5) });
  await ask(gateway, ScaleDocument, { input: { id, replicas: 2, at: hoursAgo(3) } });
}

/** Usage of every type, in one call: one ledger entry that was charged for several things. */
async function useOf(
  gateway: TestGateway,
  accountId: string,
  { ids, modelExternalId }: { readonly ids: readonly string[]; readonly modelExternalId: string },
): Promise<void> {
  const event = (index: number) =>
    ({
      source: `${accountId} s`,
      eventId: `${ids[index] ?? ''} used`,
      occurredAt: hoursAgo(1),
    }) as const;
  const [deployment, guardrail] = ids;
  await ask(gateway, RecordUsageDocument, {
    accountId,
    events: [
      { ...event(0), type: 'PROCESSING', credits: '1', resourceId: deployment ?? '' },
      { ...event(1), type: 'PROCESSING', credits: '2', resourceId: guardrail ?? '' },
      { ...event(2), type: 'FINE_TUNING', credits: '3', modelExternalId },
      { ...event(WORKFLOW), type: 'WORKFLOW_RUN', resourceId: ids[WORKFLOW] ?? '' },
    ],
  });
}

/** One row of each type, which every list of the account begins with or holds. */
async function idsOf(
  gateway: TestGateway,
  accountId: string,
): Promise<Readonly<Record<NodeType, string>>> {
  const node = '{ nodes { __typename id } }';
  const { secret } = await createKey(gateway, accountId, ['MANAGE']);
  await ask(gateway, UpdateAccountDocument, { input: { accountId, timeZone: 'Etc/UTC' } }, secret);
  const data = await ask<unknown>(
    gateway,
    `query ($id: ID!) {
      account(id: $id) {
        __typename id
        alerts(first: 1) ${node} allocations(first: 1) ${node} usageEvents(first: 1) ${node}
        billingCycles(first: 1) ${node} statements(first: 1) ${node} ledger(last: 1, kinds: [USAGE]) ${node}
        thresholds { __typename id }
        usage {
          models(first: 1) { nodes { model { __typename id deployments(first: 1) ${node} } } }
          workflows(first: 1) { nodes { workflow { __typename id } } }
          guardrails(first: 1) { nodes { resource { __typename id } } }
          browserPods(first: 1) { nodes { resource { __typename id } } }
          customScripts(first: 1) { nodes { resource { __typename id } } }
          ocrDeployments(first: 1) { nodes { resource { __typename id } } }
        }
      }
      apiKeys(accountId: $id) { __typename id }
      auditLog(accountId: $id, first: 1) ${node}
      emails(accountId: $id, first: 1) ${node}
      webhookEndpoints(accountId: $id) { __typename id deliveries(first: 1) ${node} }
      hardwareProfiles { __typename id }
    }`,
    { id: accountId },
  );
  const found = new Map<string, string>();
  for (const [, type = '', id = ''] of JSON.stringify(data).matchAll(
    /"__typename":"(\w+)","id":"([^"]+)"/g,
  )) {
    if (!found.has(type)) found.set(type, id);
  }
  return Object.fromEntries(
    Object.values(nodeTypes).map((type) => {
      const id = found.get(type);
      if (id === undefined) throw new Error(`no ${type}`);
      return [type, id];
    }),
  ) as Record<NodeType, string>;
}
