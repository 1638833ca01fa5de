import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount } from '../support/account.ts';
import { startTestGateway } from '../support/gateway.ts';
import { at, textAt } from '../support/paths.ts';

const REGISTER_ALL = `mutation ($accountId: ID, $resources: [RegisterAnyInput!]!) {
  registerResources(accountId: $accountId, resources: $resources)
}`;
const FIND = `query ($id: ID, $kind: ResourceKind, $externalId: String, $accountId: ID) {
  resource(id: $id, kind: $kind, externalId: $externalId, accountId: $accountId) {
    __typename id externalId name kind status owner createdAt lastActiveOn
    ... on HostedResource { lastDeployedOn endpointUrl failureMessage hosting { replicas } }
    ... on ModelDeployment { type lastUpdatedOn model { id externalId name type } }
    ... on CustomScript { language languageVersion }
    ... on OcrDeployment { ocrModel }
  }
}`;

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let accountId = '';

async function register(...resources: object[]): Promise<unknown> {
  return gateway.query(REGISTER_ALL, { accountId, resources });
}

async function find(id: string): Promise<unknown> {
  return at(await gateway.query(FIND, { id }), 'data', 'resource');
}

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway);
});

afterAll(async () => {
  await gateway.close();
});

describe('registerResources', () => {
  it('registers every kind and answers with the ids in the order given', async () => {
    const answer = await register(
      { kind: 'OCR_DEPLOYMENT', externalId: 'all', name: 'Invoices', ocrModel: 'doctr' },
      { kind: 'WORKFLOW', externalId: 'all', name: 'Onboarding', owner: 'ops' },
      {
        ...{ kind: 'MODEL_DEPLOYMENT', externalId: 'all', name: 'Chat' },
        ...{ modelExternalId: 'llama', modelType: 'BASE', modelName: 'Llama' },
      },
      { kind: 'BROWSER_POD', externalId: 'all', name: 'Pod' },
      { kind: 'GUARDRAIL', externalId: 'all', name: 'Toxicity' },
      {
        ...{ kind: 'CUSTOM_SCRIPT', externalId: 'all', name: 'Clean' },
        language: 'python',
        languageVersion: '3.12',
      },
    );

    const found = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((index) => find(textAt(answer, 'data', 'registerResources', index))),
    );
    expect(found).toMatchObject([
      { __typename: 'OcrDeployment', name: 'Invoices', ocrModel: 'doctr', hosting: null },
      { __typename: 'Workflow', name: 'Onboarding', owner: 'ops', status: 'IN_DEVELOPMENT' },
      {
        __typename: 'ModelDeployment',
        type: 'BASE',
        lastUpdatedOn: null,
        model: { externalId: 'llama', name: 'Llama', type: 'BASE' },
      },
      { __typename: 'BrowserPod', lastDeployedOn: null, lastActiveOn: null },
      { __typename: 'Guardrail', createdAt: '2026-03-10T12:00:00.000Z' },
      { __typename: 'CustomScript', language: 'python', languageVersion: '3.12' },
    ]);
  });

  it('updates name and owner when it is sent again, keeps an owner that is left out, and keeps the id', async () => {
    const first = await register({
      kind: 'GUARDRAIL',
      externalId: 'again',
      name: 'One',
      owner: 'ann',
    });
    const renamed = await register({ kind: 'GUARDRAIL', externalId: 'again', name: 'Two' });
    const id = textAt(first, 'data', 'registerResources', 0);

    expect(textAt(renamed, 'data', 'registerResources', 0)).toBe(id);
    expect(await find(id)).toMatchObject({ name: 'Two', owner: 'ann' });

    await register({ kind: 'GUARDRAIL', externalId: 'again', name: 'Two', owner: 'bob' });
    expect(await find(id)).toMatchObject({ name: 'Two', owner: 'bob' });
  });

  it('lets the later of two entries of one name update the earlier', async () => {
    const answer = await register(
      { kind: 'GUARDRAIL', externalId: 'twice', name: 'One', owner: 'ann' },
      { kind: 'GUARDRAIL', externalId: 'twice', name: 'Two' },
    );

    const id = textAt(answer, 'data', 'registerResources', 0);
    expect(textAt(answer, 'data', 'registerResources', 1)).toBe(id);
    expect(await find(id)).toMatchObject({ name: 'Two', owner: 'ann' });
  });

  it('takes 5,000 in one call and refuses 5,001', async () => {
    const many = (count: number, prefix: string): object[] =>
      Array.from({ length: count }, (_, index) => ({
        kind: 'WORKFLOW',
        externalId: `${prefix}-${index}`,
        name: `Workflow ${index}`,
      }));

    const taken = await register(...many(5_000, 'many'));
    const refused = await register(...many(5_001, 'too-many'));

    expect(at(taken, 'data', 'registerResources')).toHaveLength(5_000);
    expect(at(refused, 'errors', 0)).toMatchObject({
      message: 'resources has 5001 entries; at most 5000 are registered in one call.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it.each([
    [{ kind: 'MODEL_DEPLOYMENT', modelType: 'BASE' }, 'BAD_USER_INPUT', 'modelExternalId'],
    [{ kind: 'MODEL_DEPLOYMENT', modelExternalId: 'llama' }, 'BAD_USER_INPUT', 'modelType'],
    [{ kind: 'CUSTOM_SCRIPT', language: 'python' }, 'BAD_USER_INPUT', 'languageVersion'],
    [{ kind: 'OCR_DEPLOYMENT' }, 'BAD_USER_INPUT', 'ocrModel'],
    [{ kind: 'WORKFLOW', language: 'python' }, 'BAD_USER_INPUT', 'language'],
    [{ kind: 'WORKFLOW', createdAt: '2026-03-10T12:00:00.001Z' }, 'BAD_USER_INPUT', 'createdAt'],
    [{ kind: 'WORKFLOW', name: '' }, 'BAD_USER_INPUT', 'name'],
    [{ kind: 'WORKFLOW', externalId: '\ud800' }, 'BAD_USER_INPUT', 'externalId'],
    [
      { kind: 'MODEL_DEPLOYMENT', modelExternalId: 'llama', modelType: 'FINE_TUNED' },
      'CONFLICT',
      'modelExternalId',
    ],
  ])('refuses %j and with it the whole call', async (wrong, code, field) => {
    const fine = { kind: 'WORKFLOW', externalId: 'never', name: 'Never' };

    const answer = await register(fine, { externalId: 'wrong', name: 'Wrong', ...wrong });

    expect(at(answer, 'errors', 0, 'extensions')).toMatchObject({
      code,
      path: ['resources', 1, field],
    });
    expect(
      at(
        await gateway.query(FIND, { accountId, kind: 'WORKFLOW', externalId: 'never' }),
        'errors',
        0,
        'extensions',
        'code',
      ),
    ).toBe('NOT_FOUND');
  });

  it("never changes a deployment's model", async () => {
    const deployment = { kind: 'MODEL_DEPLOYMENT', externalId: 'fixed', name: 'Fixed' };
    await register({ ...deployment, modelExternalId: 'model-a', modelType: 'BASE' });

    const answer = await register({ ...deployment, modelExternalId: 'model-b', modelType: 'BASE' });

    expect(at(answer, 'errors', 0)).toMatchObject({
      message: `The deployment "fixed" is of the model "model-a"; a deployment's model never changes.`,
      extensions: { code: 'CONFLICT' },
    });
  });

  it('registers nothing under the name of what was deleted', async () => {
    const resource = { kind: 'BROWSER_POD', externalId: 'gone', name: 'Gone' };
    const id = textAt(await register(resource), 'data', 'registerResources', 0);
    await gateway.query('mutation ($id: ID!) { deleteResource(id: $id) { id } }', { id });

    expect(at(await register(resource), 'errors', 0, 'extensions', 'code')).toBe('CONFLICT');
    expect(await find(id)).toMatchObject({ status: 'DELETED', name: 'Gone' });
  });
});

describe('the register mutations of one kind', () => {
  it('register a model with its deployments, which page', async () => {
    const model = await gateway.query(
      'mutation ($input: RegisterModelInput!) { registerModel(input: $input) { id name type lastDeployedOn } }',
      { input: { accountId, externalId: 'mistral', name: 'Mistral', type: 'FINE_TUNED' } },
    );
    const modelId = textAt(model, 'data', 'registerModel', 'id');
    for (const externalId of ['m-1', 'm-2', 'm-3']) {
      await gateway.query(
        'mutation ($input: RegisterModelDeploymentInput!) { registerModelDeployment(input: $input) { id } }',
        { input: { modelId, externalId, name: externalId } },
      );
    }

    const read = `query ($after: String) { resource(kind: MODEL_DEPLOYMENT, externalId: "m-1", accountId: "${accountId}") {
      ... on ModelDeployment { type model { deployments(first: 2, after: $after) {
        totalCount nodes { externalId } pageInfo { hasNextPage endCursor } } } } } }`;
    const page = at(await gateway.query(read), 'data', 'resource', 'model', 'deployments');
    const rest = at(
      await gateway.query(read, { after: textAt(page, 'pageInfo', 'endCursor') }),
      ...['data', 'resource', 'model', 'deployments'],
    );

    expect(page).toMatchObject({
      totalCount: 3,
      nodes: [{ externalId: 'm-1' }, { externalId: 'm-2' }],
      pageInfo: { hasNextPage: true },
    });
    expect(rest).toMatchObject({
      totalCount: 3,
      nodes: [{ externalId: 'm-3' }],
      pageInfo: { hasNextPage: false },
    });
  });

  it.each([
    ['registerWorkflow', 'RegisterWorkflowInput', {}],
    ['registerGuardrail', 'RegisterResourceInput', {}],
    ['registerBrowserPod', 'RegisterResourceInput', {}],
    ['registerCustomScript', 'RegisterCustomScriptInput', { language: 'go', languageVersion: '1' }],
    ['registerOcrDeployment', 'RegisterOcrDeploymentInput', { ocrModel: 'doctr' }],
  ])('%s registers', async (mutation, input, fields) => {
    const answer = await gateway.query(
      `mutation ($input: ${input}!) { ${mutation}(input: $input) { externalId name owner status } }`,
      { input: { accountId, externalId: mutation, name: mutation, owner: 'ann', ...fields } },
    );

    expect(at(answer, 'data', mutation)).toEqual({
      externalId: mutation,
      name: mutation,
      owner: 'ann',
      status: 'IN_DEVELOPMENT',
    });
  });

  it("never change a model's type", async () => {
    const registerModel = async (type: string): Promise<unknown> =>
      gateway.query(
        'mutation ($input: RegisterModelInput!) { registerModel(input: $input) { name } }',
        { input: { accountId, externalId: 'typed', name: 'Typed', type } },
      );
    await registerModel('BASE');

    expect(at(await registerModel('FINE_TUNED'), 'errors', 0)).toMatchObject({
      message: `The model "typed" is of type BASE; a model's type never changes.`,
      extensions: { code: 'CONFLICT', path: ['input', 'type'] },
    });
  });
});

describe('resource', () => {
  it('is found by kind and externalId, and names what was not found', async () => {
    await register({ kind: 'GUARDRAIL', externalId: 'named', name: 'Named' });

    const found = await gateway.query(FIND, { accountId, kind: 'GUARDRAIL', externalId: 'named' });
    const missing = await gateway.query(FIND, { accountId, kind: 'WORKFLOW', externalId: 'named' });

    expect(at(found, 'data', 'resource')).toMatchObject({ name: 'Named' });
    expect(at(missing, 'data', 'resource')).toBeNull();
    expect(at(missing, 'errors', 0)).toMatchObject({
      message: 'No WORKFLOW has the externalId "named".',
      extensions: { code: 'NOT_FOUND' },
    });
  });

  it('of another account is answered like one that does not exist', async () => {
    const other = await createAccount(gateway);
    const answer = await register({ kind: 'GUARDRAIL', externalId: 'mine', name: 'Mine' });
    const id = textAt(answer, 'data', 'registerResources', 0);

    const underOther = await gateway.query(FIND, { id, accountId: other });
    const unknown = await gateway.query(FIND, { id: 'bm90IGFuIGlk' });

    expect(at(underOther, 'errors', 0, 'extensions', 'code')).toBe('NOT_FOUND');
    expect(at(unknown, 'errors', 0, 'extensions', 'code')).toBe('NOT_FOUND');
  });

  it('is named in one way', async () => {
    const answer = await gateway.query(FIND, { accountId, kind: 'WORKFLOW' });

    expect(at(answer, 'errors', 0, 'extensions', 'code')).toBe('BAD_USER_INPUT');
  });
});
