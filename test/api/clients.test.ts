// The recipes of docs/clients.md, run as they stand there with the real clients: two tabs of one range stay in the cache.

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { parse } from 'graphql';
import { cacheExchange } from '@urql/exchange-graphcache';
import {
  createAccount,
  createHardware,
  createKey,
  deploy,
  fund,
  register,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { originOf } from '../support/live.ts';
import {
  GuardrailsTabDocument,
  ModelsTabDocument,
  OverviewDocument,
  type Operation,
} from '@billing-gateway/client/operations';

const ROOT = new URL('../../', import.meta.url);
// A range that has ended, so that its figures stand still.
const variables = { range: { from: '2026-03-01T00:00:00Z', to: '2026-03-10T00:00:00Z' } };
const OPERATIONS: readonly Operation<object, typeof variables>[] = [
  ModelsTabDocument,
  GuardrailsTabDocument,
  OverviewDocument,
];
// As these clients take them.
const TABS = OPERATIONS.map(({ text }) => parse(text));

interface Hints {
  readonly possibleTypes: Record<string, string[]>;
  readonly typesWithoutId: readonly string[];
}
interface ClientOptions extends Hints {
  readonly url: string;
  readonly token: string;
}

let gateway: TestGateway;
let options: ClientOptions;
let recipes: readonly string[];
// Where the recipes find the packages that they import.
const folder = new URL(`node_modules/.cache/clients-${randomBytes(6).toString('hex')}/`, ROOT);

beforeAll(async () => {
  gateway = await startTestGateway();
  await createHardware(gateway, 'gpu', '1');
  const accountId = await createAccount(gateway);
  await fund(gateway, accountId);
  const model = { modelExternalId: 'm', modelName: 'Model', modelType: 'BASE' } as const;
  const ids = await register(
    gateway,
    accountId,
    { kind: 'MODEL_DEPLOYMENT', externalId: 'd', name: 'Deployment', ...model },
    { kind: 'GUARDRAIL', externalId: 'g', name: 'Guardrail', owner: 'ana' },
  );
  for (const id of ids) await deploy(gateway, id, 'gpu', { at: '2026-03-09T12:00:00Z' });
  const { secret } = await createKey(gateway, accountId, ['READ_USAGE']);
  const text = await readFile(new URL('schema/client-cache.json', ROOT), 'utf8');
  options = { ...(JSON.parse(text) as Hints), url: `${originOf(gateway)}/graphql`, token: secret };
  const page = await readFile(new URL('docs/clients.md', ROOT), 'utf8');
  recipes = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, recipe = '']) => recipe);
  await mkdir(folder, { recursive: true });
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await gateway.close();
});

/** The client that the recipe under a heading of docs/clients.md makes. */
async function clientOf<T>(index: number): Promise<T> {
  const file = new URL(`${index}.mjs`, folder);
  await writeFile(file, recipes[index] ?? '');
  const recipe = (await import(file.href)) as { createClient: (of: ClientOptions) => T };
  return recipe.createClient(options);
}

/** What each tab answers without any client. Caches add `__typename`, so it is left out everywhere. */
async function plainAnswers(): Promise<readonly unknown[]> {
  const answers = [];
  for (const tab of OPERATIONS) {
    answers.push(withoutTypenames((await gateway.query(tab, variables, options.token)).data));
  }
  return answers;
}

function withoutTypenames(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data), (key, value: unknown) =>
    key === '__typename' ? undefined : value,
  );
}

async function askByApollo(client: ApolloClient): Promise<readonly unknown[]> {
  for (const query of TABS) await client.query({ query, variables, fetchPolicy: 'network-only' });
  return TABS.map((query) => withoutTypenames(client.readQuery({ query, variables })));
}

async function askByUrql(client: Client): Promise<readonly unknown[]> {
  // So short that clients like to send it by GET.
  const { error } = await client.query('{ account { id } }', {}).toPromise();
  if (error !== undefined) throw error;
  for (const tab of TABS) {
    await client.query(tab, variables, { requestPolicy: 'network-only' }).toPromise();
  }
  const kept = [];
  for (const tab of TABS) {
    const { data } = await client
      .query<unknown>(tab, variables, { requestPolicy: 'cache-only' })
      .toPromise();
    kept.push(withoutTypenames(data ?? null));
  }
  return kept;
}

describe('tabs of one range', () => {
  it('stay in the cache of urql', async () => {
    expect(await askByUrql(await clientOf(0))).toEqual(await plainAnswers());
  });

  it('stay in the cache of Apollo Client', async () => {
    const complaints = jest.spyOn(console, 'error');

    expect(await askByApollo(await clientOf(1))).toEqual(await plainAnswers());
    expect(complaints).not.toHaveBeenCalled();
  });

  it('stay in the cache of Graphcache, which has nothing to warn of', async () => {
    const warnings = jest.spyOn(console, 'warn');

    expect(await askByUrql(await clientOf(2))).toEqual(await plainAnswers());
    expect(warnings).not.toHaveBeenCalled();
  });
});

describe('without the recipe', () => {
  function apollo(cache: InMemoryCache): ApolloClient {
    const headers = { authorization: `Bearer ${options.token}` };
    return new ApolloClient({ link: new HttpLink({ uri: options.url, headers }), cache });
  }

  it('Apollo Client loses the tab that was asked first', async () => {
    jest.spyOn(console, 'error').mockReturnValue();
    const { possibleTypes } = options;

    const [models] = await askByApollo(apollo(new InMemoryCache({ possibleTypes })));

    expect(models).toBeNull();
  });

  it('Apollo Client drops the fields of interfaces', async () => {
    const typePolicies = { AccountUsage: { merge: true } };

    const [, kept] = await askByApollo(apollo(new InMemoryCache({ typePolicies })));

    const [, plain] = await plainAnswers();
    expect(JSON.stringify(plain)).toContain('"owner":"ana"');
    expect(JSON.stringify(kept)).not.toContain('"owner"');
  });

  it('Graphcache warns of types without keys', async () => {
    const warnings = jest.spyOn(console, 'warn').mockReturnValue();
    const { url, token, possibleTypes } = options;
    const client = new Client({
      ...{ url, preferGetMethod: false },
      fetchOptions: { headers: { authorization: `Bearer ${token}` } },
      exchanges: [cacheExchange({ possibleTypes }), fetchExchange],
    });

    await askByUrql(client);

    expect(warnings).toHaveBeenCalled();
  });
});
