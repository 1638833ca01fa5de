// How many events, periods and resources an account takes in a minute, by whichever way they come.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventRate } from '../../src/http/rates.ts';
import { createAccount, createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, TEST_NOW, type TestGateway } from '../support/gateway.ts';
import { initialised, originOf } from '../support/live.ts';
import { post } from '../support/post.ts';

const PER_ACCOUNT = 4;
const RECORD = `mutation ($events: [UsageEventInput!]!) { recordUsage(events: $events) { accepted duplicates } }`;
const REGISTER = `mutation ($resources: [RegisterAnyInput!]!) { registerResources(resources: $resources) }`;
const HOST = `mutation ($periods: [HostingPeriodInput!]!) { recordHosting(periods: $periods) { rejected } }`;

let gateway: TestGateway;
let key: string;
let accounts = 0;

beforeAll(async () => {
  gateway = await startTestGateway({
    app: { takeEvents: eventRate({ perAccount: PER_ACCOUNT }) },
  });
});

afterAll(() => gateway.close());

beforeEach(async () => {
  accounts += 1;
  const accountId = await createAccount(gateway, { name: `Events ${accounts}` });
  ({ secret: key } = await createKey(gateway, accountId, ['READ_USAGE', 'INGEST']));
});

const workflows = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'WORKFLOW',
    externalId: `w${index}`,
    name: `w${index}`,
  }));

const runs = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, index) => ({
    source: 'test',
    eventId: `e${index}`,
    type: 'WORKFLOW_RUN',
    resourceKind: 'WORKFLOW',
    resourceExternalId: 'w0',
    occurredAt: TEST_NOW,
  }));

async function graphql(query: string, variables: object): Promise<Response> {
  return post(originOf(gateway), '/graphql', { body: { query, variables }, key });
}

async function cloudEvents(count: number): Promise<Response> {
  const events = Array.from({ length: count }, (_, index) => ({
    specversion: '1.0',
    type: 'com.billing-gateway.workflow-run',
    source: 'test',
    id: `e${index}`,
    subject: 'WORKFLOW/w0',
    time: TEST_NOW,
  }));
  return post(originOf(gateway), '/v1/events', { body: events, key });
}

const refusal = (count: number): object =>
  expect.objectContaining({
    message: `The call brings ${count} entries, more than are left in this minute; 4 a minute are allowed for this account.`,
    extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) },
  });

describe('an account', () => {
  it('takes resources, events and periods up to a number; of what is beyond it takes nothing, and then what still fits', async () => {
    expect((await graphql(REGISTER, { resources: workflows(1) })).status).toBe(200);
    const tooMany = await graphql(RECORD, { events: runs(4) });
    const fitting = await graphql(RECORD, { events: runs(2) });
    const again = await cloudEvents(1);

    expect(tooMany.status).toBe(429);
    expect(Number(tooMany.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await tooMany.json()).toMatchObject({ data: null, errors: [refusal(4)] });
    // Nothing of the refused call was recorded: all are new.
    expect(await fitting.json()).toMatchObject({
      data: { recordUsage: { accepted: 2, duplicates: 0 } },
    });
    // What is sent again counts too.
    expect(await again.json()).toMatchObject({ accepted: 0, duplicates: 1 });
    expect((await cloudEvents(1)).status).toBe(429);
  });

  it('refuses by REST with the same status and error', async () => {
    const refused = await cloudEvents(5);

    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toEqual({ errors: [refusal(5)] });
  });

  it('counts hosting periods and resources alike', async () => {
    const period = { source: 'test', eventId: 'p', resourceKind: 'GUARDRAIL' };
    const periods = Array.from({ length: 5 }, (_, index) => ({
      ...period,
      eventId: `p${index}`,
      resourceExternalId: 'g',
      hardware: 'none',
      from: TEST_NOW,
      to: TEST_NOW,
    }));
    const hosted = await graphql(HOST, { periods });
    const registered = await graphql(REGISTER, { resources: workflows(5) });
    const answers = [await hosted.json(), await registered.json()];

    expect([hosted.status, registered.status]).toEqual([429, 429]);
    expect(answers).toMatchObject([{ errors: [refusal(5)] }, { errors: [refusal(5)] }]);
  });

  it('is counted apart from others, and by every transport', async () => {
    const socket = await initialised(originOf(gateway), key);
    const payload = { query: RECORD, variables: { events: runs(5) } };
    socket.send({ type: 'subscribe', id: 'one', payload });
    await until(() => socket.messages.some(({ type }) => type === 'complete'), 'an answer');
    socket.socket.close();

    expect(socket.messages.find(({ id, type }) => id === 'one' && type === 'next')).toMatchObject({
      payload: { errors: [refusal(5)] },
    });
    expect((await cloudEvents(4)).status).toBe(200);
  });
});
