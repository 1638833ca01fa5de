// Who may see what, by the scopes of their key: each root field over HTTP, and every field that leads on from there.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
  isAbstractType,
  isCompositeType,
  isObjectType,
} from 'graphql';
import { encodeId, type Scope, scopes } from '../../src/core/identity.ts';
import { scopeNeededBy } from '../../src/graphql/needs.ts';
import { buildGatewaySchema } from '../../src/schema.ts';
import {
  allocate,
  ask,
  createAccount,
  createHardware,
  createKey,
  deploy,
  fund,
  numberOf,
  recordUsage,
  register,
  registerGuardrail,
} from '../support/account.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { CreateThresholdDocument, RegisterModelDocument } from '../support/operations.ts';

const schema = buildGatewaySchema(null);
const held: Readonly<Record<Scope, readonly Scope[]>> = {
  READ_USAGE: ['READ_USAGE'],
  INGEST: ['INGEST'],
  MANAGE: ['MANAGE', 'READ_USAGE'],
  OPERATOR: ['OPERATOR', 'MANAGE', 'INGEST', 'READ_USAGE'],
};

type Field = GraphQLField<unknown, unknown>;

/** What each root field needs, and arguments that pass its checks of values. */
interface Root {
  readonly scope: Scope;
  readonly args?: string;
}

const rootNames = [
  schema.getQueryType(),
  schema.getMutationType(),
  schema.getSubscriptionType(),
].flatMap((type) => (isObjectType(type) ? Object.keys(type.getFields()) : []));

function rootField(name: string): Field {
  const types = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const field = types.map((type) => type?.getFields()[name]).find((found) => found !== undefined);
  if (field === undefined) throw new Error(`no root field ${name}`);
  return field;
}

function objectTypesOf(field: Field): readonly GraphQLObjectType[] {
  const type = getNamedType(field.type);
  if (isAbstractType(type)) return schema.getPossibleTypes(type);
  return isObjectType(type) ? [type] : [];
}

/** Every field, as Type.field, that a key with these scopes reaches from these root fields. */
function reachable(roots: readonly string[], scope: Scope): readonly string[] {
  const reached = new Set<string>();
  const visited = new Set<GraphQLObjectType>();
  const open = roots.flatMap((name) => objectTypesOf(rootField(name)));
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (visited.has(type)) continue;
    visited.add(type);
    for (const field of Object.values(type.getFields())) {
      const needed = scopeNeededBy(field);
      if (needed !== undefined && !held[scope].includes(needed)) continue;
      reached.add(`${type.name}.${field.name}`);
      open.push(...objectTypesOf(field));
    }
  }
  return [...reached].sort();
}

interface Guarded {
  readonly path: readonly string[];
  readonly selection: string;
}

/** The selections below a type that end at the first field that a key with INGEST alone may not see. */
function guardedBelow(type: GraphQLObjectType, depth = 4): readonly Guarded[] {
  return Object.values(type.getFields()).flatMap((field) => {
    const rest = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
    const { name } = field;
    if (scopeNeededBy(field) === 'READ_USAGE') return [{ path: [name], selection: name + rest }];
    if (depth === 1) return [];
    return objectTypesOf(field).flatMap((next) =>
      guardedBelow(next, depth - 1).map(({ path, selection }) => ({
        path: [name, ...path],
        selection: `${name} { ... on ${next.name} { ${selection} } }`,
      })),
    );
  });
}

/** All that a key with INGEST alone may see below a type. */
function openBelow(type: GraphQLObjectType): string {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (scopeNeededBy(field) !== undefined) return [];
    if (!isCompositeType(getNamedType(field.type))) return [field.name];
    return objectTypesOf(field).map(
      (next) => `${field.name} { ... on ${next.name} { ${openBelow(next)} } }`,
    );
  });
  return fields.join(' ');
}

describe('scopes', () => {
  let gateway: TestGateway;
  let accountId: string;
  let roots: Readonly<Record<string, Root>>;
  let keys: Readonly<Record<Scope, string>>;
  let modelId: string;
  let made = 0;

  beforeAll(async () => {
    gateway = await startTestGateway();
    accountId = await createAccount(gateway);
    await fund(gateway, accountId);
    await createHardware(gateway, 'gpu', '1');
    const key = async (scope: Scope): Promise<string> =>
      (await createKey(gateway, accountId, [scope])).secret;
    keys = {
      READ_USAGE: await key('READ_USAGE'),
      INGEST: await key('INGEST'),
      MANAGE: await key('MANAGE'),
      OPERATOR: gateway.operatorKey,
    };
    const model = { accountId, externalId: 'm', name: 'm', type: 'BASE' } as const;
    const { registerModel } = await ask(gateway, RegisterModelDocument, { input: model });
    modelId = registerModel.id;
    roots = await rootsWithArguments();
  });

  afterAll(async () => {
    await gateway.close();
  });

  async function aGuardrail(): Promise<string> {
    made += 1;
    return registerGuardrail(gateway, accountId, `guardrail ${made}`);
  }

  async function aDeployed(ready = true): Promise<string> {
    const id = await aGuardrail();
    await deploy(gateway, id, 'gpu', { ready });
    return id;
  }

  async function aWorkflow(): Promise<string> {
    made += 1;
    const workflow = { kind: 'WORKFLOW', externalId: `workflow ${made}`, name: 'w' } as const;
    const [id = ''] = await register(gateway, accountId, workflow);
    return id;
  }

  async function anEvent(): Promise<string> {
    made += 1;
    const eventId = `to void ${made}`;
    await recordUsage(gateway, accountId, {
      eventId,
      resourceId: await aGuardrail(),
      occurredAt: TEST_NOW,
      credits: '1',
    });
    return `source: "s", eventId: "${eventId}", reason: "r"`;
  }

  /** Mutations of INGEST with what each needs anew, since most happen once. */
  const writes: Readonly<Record<string, () => Promise<string>>> = {
    deleteResource: async () => `id: "${await aGuardrail()}"`,
    deploy: async () => `input: { id: "${await aGuardrail()}", hardware: "gpu" }`,
    deploymentFailed: async () => `id: "${await aDeployed()}", message: "m"`,
    deploymentReady: async () => `id: "${await aDeployed(false)}"`,
    deployWorkflow: async () => `id: "${await aWorkflow()}"`,
    recordHosting: () => Promise.resolve('periods: []'),
    recordUsage: () => Promise.resolve('events: []'),
    registerBrowserPod: () => Promise.resolve('input: { externalId: "b", name: "b" }'),
    registerCustomScript: () =>
      Promise.resolve('input: { externalId: "c", name: "c", language: "l", languageVersion: "1" }'),
    registerGuardrail: () => Promise.resolve('input: { externalId: "g", name: "g" }'),
    registerModel: () => Promise.resolve('input: { externalId: "m", name: "m", type: BASE }'),
    registerModelDeployment: () =>
      Promise.resolve(`input: { externalId: "d", name: "d", modelId: "${modelId}" }`),
    registerOcrDeployment: () =>
      Promise.resolve('input: { externalId: "o", name: "o", ocrModel: "m" }'),
    registerResources: () => Promise.resolve('resources: []'),
    registerWorkflow: () => Promise.resolve('input: { externalId: "w", name: "w" }'),
    scale: async () => `input: { id: "${await aDeployed()}", replicas: 2 }`,
    undeploy: async () => `id: "${await aDeployed()}"`,
    undeployWorkflow: async () => {
      const id = await aWorkflow();
      await ask(gateway, 'mutation ($id: ID!) { deployWorkflow(id: $id) { id } }', { id });
      return `id: "${id}"`;
    },
    voidUsage: anEvent,
  };

  async function rootsWithArguments(): Promise<Readonly<Record<string, Root>>> {
    const spare = await createKey(gateway, accountId, ['READ_USAGE']);
    const allocation = await allocate(gateway, accountId, '1');
    const threshold = await ask(gateway, CreateThresholdDocument, {
      input: { accountId, measure: 'CREDITS_REMAINING', value: '7' },
    });
    const endpoint = await ask<{
      createWebhookEndpoint: { endpoint: { id: string } };
    }>(
      gateway,
      'mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { endpoint { id } } }',
      { input: { accountId, url: 'http://127.0.0.1:9999/x', events: ['DEPLOYMENT_STOPPED'] } },
    );
    const endpointId = endpoint.createWebhookEndpoint.endpoint.id;
    const deliveryId = encodeId('WebhookDelivery', numberOf(accountId), 1);
    const own = `accountId: "${accountId}"`;
    const ingest: Record<string, Root> = {};
    for (const [name, argsOf] of Object.entries(writes)) {
      const args = await argsOf();
      const isNamed = /\baccountId\b/.test(args) || !takesAccount(name);
      ingest[name] = { scope: 'INGEST', args: isNamed ? args : named(args, own) };
    }
    return {
      ...ingest,
      account: { scope: 'READ_USAGE', args: `id: "${accountId}"` },
      accounts: { scope: 'OPERATOR' },
      adjustCredits: {
        scope: 'OPERATOR',
        args: `input: { ${own}, amount: "1", idempotencyKey: "k", reason: "r" }`,
      },
      advanceTestClock: { scope: 'OPERATOR', args: `${own}, to: "${TEST_NOW}"` },
      allocate: {
        scope: 'OPERATOR',
        args: `input: { ${own}, amount: "1", idempotencyKey: "k2" }`,
      },
      apiKeys: { scope: 'MANAGE', args: own },
      auditLog: { scope: 'MANAGE', args: own },
      createAccount: { scope: 'OPERATOR', args: 'input: { name: "n" }' },
      createApiKey: {
        scope: 'MANAGE',
        args: `input: { ${own}, name: "n", scopes: [READ_USAGE] }`,
      },
      createHardwareProfile: {
        scope: 'OPERATOR',
        args: 'input: { name: "h", kind: GPU, model: "m", vcpus: 1, gpus: 1, memoryGb: 1, creditsPerHour: "1" }',
      },
      createPortalToken: { scope: 'MANAGE', args: own },
      createThreshold: {
        scope: 'MANAGE',
        args: `input: { ${own}, measure: CREDITS_REMAINING, value: "5" }`,
      },
      createWebhookEndpoint: {
        scope: 'MANAGE',
        args: `input: { ${own}, url: "http://127.0.0.1:9999/y", events: [DEPLOYMENT_STOPPED] }`,
      },
      creditAlerts: { scope: 'READ_USAGE', args: own },
      creditBalance: { scope: 'READ_USAGE', args: own },
      deleteThreshold: { scope: 'MANAGE', args: `id: "${threshold.createThreshold.id}"` },
      deploymentQuote: {
        scope: 'READ_USAGE',
        args: `input: { ${own}, hardware: "gpu" }`,
      },
      emails: { scope: 'MANAGE', args: own },
      hardwareProfiles: { scope: 'READ_USAGE' },
      node: { scope: 'READ_USAGE', args: `id: "${accountId}"` },
      redeliverWebhook: { scope: 'MANAGE', args: `deliveryId: "${deliveryId}"` },
      resource: { scope: 'READ_USAGE', args: `id: "${await aGuardrail()}"` },
      revokeApiKey: { scope: 'MANAGE', args: `id: "${spare.id}"` },
      rotateWebhookSecret: { scope: 'MANAGE', args: `id: "${endpointId}"` },
      setCreditPolicy: { scope: 'OPERATOR', args: `input: { ${own}, lowCredit: "1" }` },
      setHardwareRate: {
        scope: 'OPERATOR',
        args: 'input: { hardware: "gpu", creditsPerHour: "1" }',
      },
      updateAccount: { scope: 'MANAGE', args: `input: { ${own}, name: "n" }` },
      updateWebhookEndpoint: { scope: 'MANAGE', args: `id: "${endpointId}", enabled: true` },
      voidAllocation: { scope: 'OPERATOR', args: `id: "${allocation}", reason: "r"` },
      webhookEndpoints: { scope: 'MANAGE', args: own },
      deleteWebhookEndpoint: { scope: 'MANAGE', args: `id: "${endpointId}"` },
    };
  }

  // An operator belongs to no account and names one, beside the input or in it.
  function takesAccount(name: string): boolean {
    const { args } = rootField(name);
    const input = args.find((arg) => arg.name === 'input');
    const type = input === undefined ? undefined : getNamedType(input.type);
    const isInside =
      type !== undefined && 'getFields' in type && Object.hasOwn(type.getFields(), 'accountId');
    return isInside || args.some((arg) => arg.name === 'accountId');
  }

  function named(args: string, own: string): string {
    return args.startsWith('input: {') ? args.replace('{', `{ ${own},`) : `${own}, ${args}`;
  }

  function operationOn(name: string, args: string | undefined, selection: string): string {
    const isMutation = schema.getMutationType()?.getFields()[name] !== undefined;
    const type = isMutation ? 'mutation' : 'query';
    return `${type} { ${name}${args ? `(${args})` : ''} ${selection} }`;
  }

  async function codeOf(operation: string, key: string): Promise<string | undefined> {
    const { errors } = await gateway.query(operation, {}, key);
    const code = errors?.[0]?.extensions.code;
    // An argument that is refused before the scope is asked would prove nothing.
    if (code === 'GRAPHQL_VALIDATION_FAILED') throw new Error(JSON.stringify(errors));
    return code;
  }

  function selectionOf(name: string): string {
    return isCompositeType(getNamedType(rootField(name).type)) ? '{ __typename }' : '';
  }

  function typeOf(name: string): GraphQLObjectType | undefined {
    const types = objectTypesOf(rootField(name));
    return types.find((type) => type.name === 'Guardrail') ?? types[0];
  }

  it('are known of every root field', () => {
    expect(Object.keys(roots).sort()).toEqual([...rootNames].sort());
  });

  // Subscriptions have tests of their own, over sockets.
  it('open each root field to those that have what it needs, and to no others', async () => {
    const lives = ['creditAlerts', 'creditBalance'];
    const wrong: unknown[] = [];
    let calls = 0;
    for (const [name, { scope: needed, args }] of Object.entries(roots)) {
      if (lives.includes(name)) continue;
      const operation = operationOn(name, args, selectionOf(name));
      for (const scope of Object.values(scopes)) {
        const code = await codeOf(operation, keys[scope]);
        const isRefused = code === 'FORBIDDEN';
        if (isRefused === held[scope].includes(needed)) wrong.push({ name, scope, code });
        calls += 1;
      }
    }
    expect(wrong).toEqual([]);
    expect(calls).toBe(4 * (rootNames.length - lives.length));
  });

  it('let a key that records see what it wrote, and nothing that follows from it', () => {
    const rootsOfIngest = Object.keys(writes);
    const resources = reachable(rootsOfIngest, 'INGEST');
    const hidden = /\.(usage|hosting|lastActiveOn|deployments|reversal)$/;

    expect(resources.filter((name) => hidden.test(name))).toEqual([]);
    expect([...new Set(resources.map((name) => name.split('.')[0]))]).toEqual([
      'BrowserPod',
      'CustomScript',
      'Guardrail',
      'Model',
      'ModelDeployment',
      'OcrDeployment',
      'RecordUsagePayload',
      'UsageEventResult',
      'VoidUsagePayload',
      'Workflow',
    ]);
    expect([...new Set(resources.map((name) => name.split('.')[1]))].sort()).toEqual([
      ...['accepted', 'code', 'conflicts', 'createdAt', 'duplicates', 'endpointUrl', 'externalId'],
      ...['failureMessage', 'id', 'index', 'kind', 'language', 'languageVersion'],
      ...['lastDeployedOn', 'lastUpdatedOn', 'message', 'model', 'name', 'ocrModel', 'outcome'],
      ...['owner', 'rejected', 'results', 'status', 'type', 'voided'],
    ]);
  });

  it('let a key that reads reach no keys, webhooks, emails, audit log or other accounts', () => {
    const open = Object.entries(roots).filter(([, { scope }]) => scope === 'READ_USAGE');
    // What node finds asks for its own scope.
    const names = open.map(([name]) => name).filter((name) => name !== 'node');
    const types = new Set(reachable(names, 'READ_USAGE').map((name) => name.split('.')[0] ?? ''));

    const foreign = [...types].filter((name) =>
      /ApiKey|Audit|Webhook|Email|Fleet|Payload/.test(name),
    );
    expect(foreign).toEqual([]);
    expect(types.size).toBeGreaterThan(50);
  });

  it('are asked by node for what it finds', async () => {
    const { nodes } = await managedAndRead();
    const wrong: unknown[] = [];
    for (const { id, scope } of nodes) {
      for (const mine of Object.values(scopes)) {
        const code = await codeOf(`{ node(id: "${id}") { __typename } }`, keys[mine]);
        if ((code === 'FORBIDDEN') === held[mine].includes(scope)) wrong.push({ id, mine, code });
      }
    }
    expect(wrong).toEqual([]);
  });

  async function managedAndRead(): Promise<{
    readonly nodes: readonly { readonly id: string; readonly scope: Scope }[];
  }> {
    const { account, apiKeys, hardwareProfiles } = await ask<{
      account: {
        thresholds: { id: string }[];
        allocations: { nodes: { id: string }[] };
        ledger: { nodes: { id: string }[] };
        billingCycle: { id: string };
      };
      apiKeys: { id: string }[];
      hardwareProfiles: { id: string }[];
    }>(
      gateway,
      `query ($id: ID!) {
        account(id: $id) { thresholds { id } allocations { nodes { id } } ledger { nodes { id } } billingCycle { id } }
        apiKeys(accountId: $id) { id }
        hardwareProfiles { id }
      }`,
      { id: accountId },
    );
    const read = [
      account.thresholds[0],
      account.allocations.nodes[0],
      account.ledger.nodes[0],
      account.billingCycle,
      hardwareProfiles[0],
      { id: accountId },
      { id: modelId },
      { id: await aGuardrail() },
    ].map((node) => ({ id: node?.id ?? '', scope: 'READ_USAGE' as const }));
    return { nodes: [...read, { id: apiKeys[0]?.id ?? '', scope: 'MANAGE' as const }] };
  }

  describe.each(Object.keys(writes))('of a key that records: %s', (name) => {
    it('shows no usage, balance, ledger or hosting', async () => {
      const type = typeOf(name);
      const guarded = type === undefined ? [] : guardedBelow(type);
      for (const { path, selection } of guarded) {
        const args = await writes[name]?.();
        const answer = await gateway.query(
          operationOn(name, args, `{ ... on ${type?.name ?? ''} { ${selection} } }`),
          {},
          keys.INGEST,
        );
        expect(answer.errors).toEqual([
          expect.objectContaining({
            message: 'This key lacks the scope READ_USAGE.',
            path: [name, ...path],
            extensions: { code: 'FORBIDDEN' },
          }),
        ]);
        expect(valuesIn(answer.data)).toEqual([]);
      }
      const isData = /^(register(?!Resources)|deploy|scale|undeploy|delete|voidUsage)/.test(name);
      expect(guarded.length > 0).toBe(isData);
    });

    it('shows all else that it wrote', async () => {
      const type = typeOf(name);
      const selection = type === undefined ? '' : `{ ... on ${type.name} { ${openBelow(type)} } }`;
      const args = await writes[name]?.();

      const answer = await gateway.query(operationOn(name, args, selection), {}, keys.INGEST);

      expect(answer.errors).toBeUndefined();
      expect(answer.data[name]).toBeDefined();
    });
  });

  it('are held by a read that follows a write in the same answer', async () => {
    const id = await aGuardrail();
    const { secret } = await createKey(gateway, accountId, ['INGEST', 'READ_USAGE']);
    const operation = operationOn(
      'deploy',
      `input: { id: "${id}", hardware: "gpu" }`,
      '{ hosting { replicas } usage { credits } lastActiveOn }',
    );

    const both = await gateway.query(operation, {}, secret);

    expect(both.errors).toBeUndefined();
    expect(both.data['deploy']).toMatchObject({ hosting: { replicas: 1 } });
  });

  it('refuse a field alone where the answer can be without it', async () => {
    const answer = await gateway.query(
      operationOn(
        'registerGuardrail',
        'input: { externalId: "g", name: "g" }',
        '{ name hosting { replicas } }',
      ),
      {},
      keys.INGEST,
    );
    expect(answer.data).toEqual({ registerGuardrail: { name: 'g', hosting: null } });
    expect(answer.errors?.map(({ path }) => path)).toEqual([['registerGuardrail', 'hosting']]);
  });
});

/** Every value in an answer that is neither null nor a mere structure. */
function valuesIn(data: unknown): readonly unknown[] {
  if (data === null || data === undefined) return [];
  return typeof data === 'object' ? Object.values(data).flatMap(valuesIn) : [data];
}
