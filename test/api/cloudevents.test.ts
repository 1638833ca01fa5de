import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount, createHardware, register } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

const SINGLE = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';

let gateway: TestGateway;
let accountId: string;
let made = 0;

beforeAll(async () => {
  gateway = await startTestGateway();
  accountId = await createAccount(gateway, { createdAt: '2025-01-01T00:00:00Z' });
  await createHardware(gateway, 'cpu-4-16', '0.4');
  await register(
    gateway,
    accountId,
    { kind: 'WORKFLOW', externalId: 'a/b', name: 'wf' },
    { kind: 'BROWSER_POD', externalId: 'pod-5', name: 'pod' },
    {
      kind: 'MODEL_DEPLOYMENT',
      externalId: 'chat',
      name: 'chat',
      modelExternalId: 'llama',
      modelType: 'BASE',
    },
  );
});

afterAll(async () => {
  await gateway.close();
});

interface PostOptions {
  readonly type?: string;
  readonly key?: string | null;
  readonly query?: string;
}

interface PostAnswer {
  readonly status: number;
  readonly body: unknown;
}

async function post(body: unknown, options: PostOptions = {}): Promise<PostAnswer> {
  const { type = Array.isArray(body) ? BATCH : SINGLE, key = gateway.operatorKey } = options;
  const request = gateway.http
    .post(`/v1/events${options.query ?? `?accountId=${accountId}`}`)
    .set('content-type', type);
  const response = await (
    key === null ? request : request.set('authorization', `Bearer ${key}`)
  ).send(typeof body === 'string' ? body : JSON.stringify(body));
  const answered: unknown = response.body;
  return { status: response.status, body: answered };
}

function aCloudEvent(changes: object = {}): object {
  made += 1;
  return {
    specversion: '1.0',
    type: 'com.billing-gateway.processing',
    source: 'ocr',
    id: `c${made}`,
    subject: 'BROWSER_POD/pod-5',
    time: '2026-03-10T11:00:00Z',
    data: { quantity: 12, unit: 'sessions', credits: '0.36' },
    ...changes,
  };
}

function accepted(count: number): object {
  return {
    status: 200,
    body: { accepted: count, duplicates: 0, conflicts: 0, rejected: 0, results: [] },
  };
}

describe('POST /v1/events', () => {
  it('records one event', async () => {
    expect(await post(aCloudEvent())).toEqual(accepted(1));
  });

  it('records a batch of every type', async () => {
    const hosting = {
      hardware: 'cpu-4-16',
      replicas: 2,
      from: '2026-03-09T08:00:00Z',
      to: '2026-03-09T18:00:00Z',
    };
    const answer = await post([
      aCloudEvent(),
      aCloudEvent({
        type: 'com.billing-gateway.workflow-run',
        subject: 'WORKFLOW/a/b',
        data: undefined,
      }),
      aCloudEvent({ type: 'com.billing-gateway.storage', subject: 'MODEL/llama' }),
      aCloudEvent({
        type: 'com.billing-gateway.fine-tuning',
        subject: 'model/llama',
        comexampleextension: 1,
      }),
      aCloudEvent({ type: 'com.billing-gateway.hosting', time: undefined, data: hosting }),
    ]);

    expect(answer).toEqual(accepted(5));
  });

  it('shares identities with GraphQL', async () => {
    await post(aCloudEvent({ id: 'shared' }));
    const answer = await gateway.query(
      `mutation ($accountId: ID) { recordUsage(accountId: $accountId, events: [{ source: "ocr", eventId: "shared",
        type: PROCESSING, occurredAt: "2026-03-10T12:00:00+01:00", resourceKind: BROWSER_POD,
        resourceExternalId: "pod-5", quantity: 12, unit: "sessions", credits: "0.360" }]) { duplicates } }`,
      { accountId },
    );

    expect(answer.data).toEqual({ recordUsage: { duplicates: 1 } });
  });

  it.each([
    ['no object', 17, 'JSON object'],
    ['another version', { specversion: '0.3' }, 'specversion'],
    ['an unknown type', { type: 'com.example.run' }, 'type'],
    ['an inherited type', { type: 'constructor' }, 'type'],
    ['no id', { id: undefined }, 'eventId'],
    ['half a surrogate pair', { id: '\ud83d' }, 'surrogate'],
    ['no time', { time: undefined }, 'time'],
    ['a number as time', { time: 1_773_000_000_000 }, 'instant'],
    ['no subject', { subject: undefined }, 'subject'],
    ['an unknown kind', { subject: 'LAMP/x' }, 'resourceKind'],
    ['a JSON number of credits', { data: { credits: 0.36 } }, 'not exact'],
    ['a seventh fraction digit', { data: { credits: '0.1234567' } }, '7 fraction digits'],
    ['2^63 micro-credits', { data: { credits: '9223372036854.775808' } }, 'too large'],
    ['2^53 pages', { data: { credits: '1', quantity: 2 ** 53 } }, 'quantity'],
    ['a long unit', { data: { credits: '1', unit: 'x'.repeat(33) } }, 'unit'],
    ['a misspelled field', { data: { credits: '1', quantitty: 2 } }, 'quantitty'],
    ['data in base 64', { data: undefined, data_base64: 'e30=' }, 'data_base64'],
    ['data that is no object', { data: 'credits' }, 'data'],
  ])('rejects %s alone', async (_what, changes, named) => {
    const event = typeof changes === 'number' ? changes : aCloudEvent(changes);

    const answer = await post([aCloudEvent(), event, aCloudEvent()]);

    expect(answer.body).toMatchObject({
      accepted: 2,
      rejected: 1,
      results: [
        {
          index: 1,
          outcome: 'REJECTED',
          code: 'INVALID_EVENT',
          message: expect.stringMatching(named),
        },
      ],
    });
  });

  it('is not led astray by keys that are sent twice or named after the prototype', async () => {
    const answer = await post(
      `{"specversion":"1.0","type":"com.billing-gateway.workflow-run","source":"a","source":"ocr","id":"twice",
        "__proto__":{"time":"2026-03-10T11:00:00Z"},"subject":"WORKFLOW/a/b"}`,
    );

    expect(answer.body).toMatchObject({
      rejected: 1,
      results: [{ message: expect.stringContaining('time') }],
    });
    expect(Reflect.get({}, 'time')).toBeUndefined();
  });

  it('survives what is nested without end', async () => {
    const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const answer = await post(`[${nested}, {"specversion":"1.0","id":${nested}}]`, { type: BATCH });

    expect(answer.body).toMatchObject({ rejected: 2 });
  });

  it.each([
    ['what is not JSON', 'nope', {}, 400],
    ['nothing', '', {}, 400],
    ['a list sent as one event', [], { type: SINGLE }, 400],
    ['one event sent as a list', '{}', { type: BATCH }, 400],
    ['another content type', '{}', { type: 'application/json' }, 415],
    ['no account of an operator', [], { query: '' }, 400],
    ['two accounts', [], { query: '?accountId=a&accountId=b' }, 400],
    ['an unknown account', [], { query: '?accountId=QWNjb3VudC45OS45OQ' }, 404],
    ['5,001 events', Array<number>(5_001).fill(0), {}, 400],
    ['more than 16 MiB', JSON.stringify('x'.repeat(16 * 1024 * 1024)), {}, 413],
    ['no key', '{}', { key: null }, 401],
    ['a wrong key', '{}', { key: 'wrong' }, 401],
  ])('refuses %s', async (_what, body, options, status) => {
    const answer = await post(body, options);

    expect(answer).toMatchObject({
      status,
      body: { errors: [{ message: expect.any(String), extensions: { code: expect.any(String) } }] },
    });
  });

  it('says which content types it takes', async () => {
    const { body } = await post('{}', { type: 'application/json' });

    expect(body).toMatchObject({
      errors: [
        {
          message:
            'The content type "application/json" is not accepted here; send application/cloudevents+json or application/cloudevents-batch+json.',
        },
      ],
    });
  });

  it('takes exactly 5,000 events', async () => {
    const events = Array.from({ length: 5_000 }, () => aCloudEvent());

    expect(await post(events)).toEqual(accepted(5_000));
  });
});
