// The link to the database breaks at each statement of a request in turn: whichever way it came, the caller is told to try
// again.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { register } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Link, openLink } from '../support/link.ts';
import { alarm, initialised, originOf, rawSocket } from '../support/live.ts';
import { post, type Posted } from '../support/post.ts';

const QUESTION = `query ($id: ID) { account(id: $id) {
  credits { remaining state }
  ledger(first: 5) { nodes { kind amount } }
  alerts(first: 5) { nodes { kind } }
  usage { workflowRuns { used } guardrails(first: 5) { totals { credits } } workflows(first: 5) { nodes { runs } } } } }`;

interface Errors {
  readonly errors?: readonly { readonly message: string; readonly extensions: { code: string } }[];
}

let beside: TestGateway;
let gateway: TestGateway;
let link: Link;
let origin = '';
let accountId = '';
let events = 0;

beforeAll(async () => {
  beside = await startTestGateway();
  accountId = (await alarm(beside, 'acme')).accountId;
  await register(beside, accountId, { kind: 'BROWSER_POD', externalId: 'pod', name: 'pod' });
  link = await openLink(beside.databaseUrl);
  gateway = await startTestGateway({ beside: { ...beside, databaseUrl: link.url } });
  origin = originOf(gateway);
});

afterAll(async () => {
  link.mend();
  await gateway.close();
  await link.close();
  await beside.close();
});

const question = (): Posted => ({
  body: { query: QUESTION, variables: { id: accountId } },
  key: gateway.operatorKey,
});

async function byGraphql(): Promise<Errors> {
  return (await (await post(origin, '/graphql', question())).json()) as Errors;
}

async function byRest(): Promise<Errors> {
  events += 1;
  const event = {
    specversion: '1.0',
    type: 'com.billing-gateway.processing',
    source: 'test',
    id: `event ${events}`,
    subject: 'BROWSER_POD/pod',
    time: '2026-03-01T00:00:00Z',
    data: { credits: '0.01' },
  };
  const key = gateway.operatorKey;
  const response = await post(origin, `/v1/events?accountId=${accountId}`, { body: event, key });
  const answer = (await response.json()) as Errors;
  expect(response.status).toBe(answer.errors === undefined ? 200 : 503);
  return answer;
}

async function bySse(): Promise<Errors> {
  const response = await post(origin, '/graphql/stream', question());
  const text = await response.text();
  const data = /event: next\ndata: (.*)\n/.exec(text)?.[1];
  return JSON.parse(data ?? text) as Errors;
}

async function byWebSocket(): Promise<Errors> {
  const raw = await initialised(origin, gateway.operatorKey);
  raw.send({ id: '1', type: 'subscribe', payload: question().body });
  await until(() => raw.messages.some(({ id }) => id === '1'), 'an answer');
  raw.socket.close();
  const answer = raw.messages.find(({ id }) => id === '1');
  return (answer?.type === 'error' ? { errors: answer.payload } : answer?.payload) as Errors;
}

/** Asks while the link is cut before the `at`th statement, counted from 0. @returns null when there were fewer */
async function askWithCut(ask: () => Promise<Errors>, at: number): Promise<Errors | null> {
  let statements = 0;
  const stop = gateway.database.onStatement(() => {
    if (statements === at) link.cut();
    statements += 1;
  });
  try {
    const answer = await ask();
    return statements > at ? answer : null;
  } finally {
    stop();
    link.mend();
  }
}

describe('a request whose connection to the database breaks', () => {
  it.each([
    ['GraphQL', byGraphql],
    ['CloudEvents', byRest],
    ['SSE', bySse],
    ['WebSocket', byWebSocket],
  ])(
    'at any statement is UNAVAILABLE by %s',
    async (_way, ask) => {
      expect((await ask()).errors).toBeUndefined();

      const codes: string[][] = [];
      for (let at = 0; at < 40; at += 1) {
        const answer = await askWithCut(ask, at);
        if (answer === null) break;
        codes.push((answer.errors ?? []).map(({ extensions }) => extensions.code));
      }

      expect(codes.length).toBeGreaterThan(2);
      expect(codes.map((ofOne) => [...new Set(ofOne)])).toEqual(codes.map(() => ['UNAVAILABLE']));
      expect((await ask()).errors).toBeUndefined();
    },
    60_000,
  );

  it('before its key is looked up is told to try again, by a socket too', async () => {
    const key = 'a-key-that-nobody-has-looked-up-before';
    link.cut();
    try {
      const answers = await Promise.all(
        ['/graphql', '/graphql/stream', `/v1/events?accountId=${accountId}`].map((path) =>
          post(origin, path, { body: {}, key }),
        ),
      );
      const bodies = await Promise.all(answers.map(async (one) => (await one.json()) as Errors));
      const raw = await rawSocket(origin);
      raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } });
      await until(() => raw.closed !== null, 'the socket closes');

      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
      expect(bodies.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual([
        'UNAVAILABLE',
        'UNAVAILABLE',
        'UNAVAILABLE',
      ]);
      expect(raw.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE: please try again.' });
    } finally {
      link.mend();
    }
  });
});

describe('a request that comes while the gateway closes', () => {
  it('on a kept-alive connection is UNAVAILABLE, in the form of GraphQL; probes are answered', async () => {
    const ending = await startTestGateway({ beside });
    const at = originOf(ending);
    // A socket that never answers the closing keeps the gateway from letting go of its connections.
    const stuck = await initialised(at, ending.operatorKey);
    stuck.socket.pause();
    await fetch(`${at}/health/live`);

    const closed = ending.close();
    const answers = await Promise.all([
      post(at, '/graphql', question()),
      post(at, `/v1/events?accountId=${accountId}`, question()),
      fetch(`${at}/health/ready`),
    ]);
    const bodies = await Promise.all(answers.map((one) => one.json()));
    stuck.socket.terminate();
    await closed;

    const refusal = {
      errors: [
        {
          message: 'This gateway is stopping; please try again.',
          extensions: { code: 'UNAVAILABLE' },
        },
      ],
    };
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(answers.map((one) => one.headers.get('connection'))).toEqual([
      'close',
      'close',
      'close',
    ]);
    expect(bodies).toEqual([refusal, refusal, { status: 'not ready' }]);
  });
});
