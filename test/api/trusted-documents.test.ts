// A gateway that runs trusted documents only: those of our own operations, as codegen writes them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import { parseTrustedDocuments } from '../../src/graphql/documents.ts';
import { createAccount } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';

const MANIFEST = 'schema/trusted-documents.json';
const trusted = parseTrustedDocuments(readFileSync(MANIFEST, 'utf8')) ?? new Map<string, string>();
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const textOf = (name: string): string =>
  [...trusted.values()].find((text) => text.includes(`query ${name}(`)) ?? '';
const persistedQuery = (hash: string): object => ({
  extensions: { persistedQuery: { version: 1, sha256Hash: hash } },
});

let gateway: TestGateway;
let open: TestGateway;
let accountId: string;

beforeAll(async () => {
  open = await startTestGateway();
  accountId = await createAccount(open, { name: 'Trusted' });
  gateway = await startTestGateway({ beside: open, http: { trustedDocuments: trusted } });
});

afterAll(async () => {
  await gateway.close();
  await open.close();
});

interface Received {
  readonly status: number;
  readonly body: unknown;
}

async function post(body: object, at = gateway): Promise<Received> {
  const answer = await at.http
    .post('/graphql')
    .set('authorization', `Bearer ${at.operatorKey}`)
    .send({ operationName: 'Credits', variables: { accountId }, ...body });
  return { status: answer.status, body: answer.body as unknown };
}

const CREDITS = { status: 200, body: { data: { account: { credits: { remaining: '0' } } } } };
const REFUSED = {
  status: 400,
  body: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] },
};

it('runs a document of the manifest, named by its hash or sent as its text', async () => {
  const text = textOf('Credits');
  const byAddress = await gateway.http
    .get('/graphql')
    .query({
      variables: JSON.stringify({ accountId }),
      extensions: JSON.stringify({ persistedQuery: { version: 1, sha256Hash: hashOf(text) } }),
    })
    .set('authorization', `Bearer ${gateway.operatorKey}`)
    .set('apollo-require-preflight', 'yes');

  expect(await post(persistedQuery(hashOf(text)))).toMatchObject(CREDITS);
  expect(await post({ query: text })).toMatchObject(CREDITS);
  expect(byAddress.body as unknown).toMatchObject(CREDITS.body);
});

it('refuses every other one, also with a trusted hash beside another text', async () => {
  const other = 'query Credits { account { id } }';
  expect(await post({ query: other })).toMatchObject(REFUSED);
  expect(await post(persistedQuery(hashOf(other)))).toMatchObject(REFUSED);
  expect(await post({ query: '{ __typename }', operationName: null })).toMatchObject(REFUSED);
  expect(await post({ query: other, ...persistedQuery(hashOf(textOf('Credits'))) })).toMatchObject(
    REFUSED,
  );
});

it('does so by WebSocket', async () => {
  const raw = await initialised(originOf(gateway), gateway.operatorKey);
  const ask = (id: string, payload: object): void => {
    raw.send({ type: 'subscribe', id, payload: { variables: { accountId }, ...payload } });
  };
  ask('known', { query: '', ...persistedQuery(hashOf(textOf('Credits'))) });
  const other = 'query Credits { account { id } }';
  ask('unknown', { query: other });
  ask('another', { query: other, ...persistedQuery(hashOf(textOf('Credits'))) });
  await until(
    () => ['known', 'unknown', 'another'].every((id) => raw.messages.some((m) => m.id === id)),
    'all answers',
  );

  const answerTo = (asked: string): unknown => raw.messages.find(({ id }) => id === asked)?.payload;
  expect(answerTo('known')).toMatchObject(CREDITS.body);
  expect(answerTo('unknown')).toMatchObject(REFUSED.body.errors);
  expect(answerTo('another')).toMatchObject(REFUSED.body.errors);
  raw.socket.close();
});

it('is not asked of a gateway without a manifest', async () => {
  const text = textOf('Credits');
  expect(await post({ query: text }, open)).toMatchObject(CREDITS);
  expect(await post(persistedQuery(hashOf(text)), open)).toMatchObject({
    body: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] },
  });
});

it('takes no file for a manifest that is none', () => {
  expect(loadConfig({ TRUSTED_DOCUMENTS: MANIFEST }).http.trustedDocuments?.size).toBe(
    trusted.size,
  );
  expect(() => loadConfig({ TRUSTED_DOCUMENTS: 'package.json' })).toThrow('TRUSTED_DOCUMENTS');
  expect(() => loadConfig({ TRUSTED_DOCUMENTS: 'no/such/file' })).toThrow('TRUSTED_DOCUMENTS');
  expect(parseTrustedDocuments(JSON.stringify({ [hashOf('{ a }')]: '{ b }' }))).toBeNull();
});
