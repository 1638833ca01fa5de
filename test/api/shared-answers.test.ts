// Whether subscribers of one event share its answer: each event is resolved once for all who asked alike, and for each caller where
// a resolver could ask who it is.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultFieldResolver, type GraphQLFieldResolver } from 'graphql';
import { createKey } from '../support/account.ts';
import { until } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { alarm, type Alarm, initialised, originOf, type RawSocket } from '../support/live.ts';

let gateway: TestGateway;
let one: Alarm;
/** How often an alert was resolved, and how often one of its thresholds. */
const resolved = { creditAlerts: 0, threshold: 0 };

function counted(name: keyof typeof resolved, type: string): void {
  const found = gateway.app.schema.getType(type);
  if (found === undefined || !('getFields' in found)) throw new Error(`no ${type}`);
  const field = found.getFields()[name];
  if (field === undefined || !('args' in field)) throw new Error(`no ${name}`);
  const resolve: GraphQLFieldResolver<unknown, unknown> = field.resolve ?? defaultFieldResolver;
  field.resolve = (...args): unknown => {
    resolved[name] += 1;
    return resolve(...args);
  };
}

beforeAll(async () => {
  gateway = await startTestGateway();
  counted('creditAlerts', 'Subscription');
  counted('threshold', 'Alert');
  one = await alarm(gateway, 'shared');
  for (let each = 0; each < 4; each += 1) await one.raise();
});

afterAll(async () => {
  await gateway.close();
});

interface Asked {
  readonly query: string;
  /** The alert after which it begins; left out: it asks for all. */
  readonly after?: number;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
  readonly key?: string;
}

/** Subscribes on a socket of its own. It has had what was raised before, if it asked for that. */
async function subscribed({ key, query, operationName, ...asked }: Asked): Promise<RawSocket> {
  const raw = await initialised(originOf(gateway), key ?? gateway.operatorKey);
  const after = asked.after === undefined ? '' : cursorAt(asked.after);
  const variables = { id: one.accountId, after, ...asked.variables };
  raw.send({ type: 'subscribe', id: 'one', payload: { query, operationName, variables } });
  await until(() => answers(raw).length === one.raised - (asked.after ?? 0), 'those before');
  return raw;
}

function answers({ messages }: RawSocket): unknown[] {
  return messages.flatMap(({ type, payload }) => (type === 'next' ? [payload] : []));
}

/** What each of them is told of the next alert, after all have been told of the last one. */
async function nextAnswers(asked: readonly Asked[]): Promise<readonly unknown[]> {
  const sockets = await Promise.all(asked.map(subscribed));
  const before = sockets.map((raw) => answers(raw).length);
  resolved.creditAlerts = 0;
  resolved.threshold = 0;
  await one.raise();
  await until(
    () => sockets.every((raw, index) => answers(raw).length > (before[index] ?? 0)),
    'the next alert',
  );
  const next = sockets.map((raw) => answers(raw).at(-1));
  for (const { socket } of sockets) socket.terminate();
  return next;
}

/** The cursor of an alert. */
function cursorAt(sequence: number): string {
  return Buffer.from(JSON.stringify([null, sequence])).toString('base64url');
}

const PLAIN = `subscription ($id: ID, $after: String) {
  creditAlerts(accountId: $id, after: $after) { sequence kind remaining } }`;
const OF_FRAGMENT = `subscription ($id: ID, $after: String) { creditAlerts(accountId: $id, after: $after) { ...said } }
  fragment said on Alert { sequence threshold { id } }`;

describe('an alert', () => {
  it('is resolved once for all who asked alike, wherever each began and whoever it is', async () => {
    const { secret: key } = await createKey(gateway, one.accountId, ['READ_USAGE']);
    const next = await nextAnswers([
      { query: PLAIN, after: one.raised - 1 },
      { query: PLAIN, after: 1 },
      { query: PLAIN, key },
    ]);

    const data = { creditAlerts: { sequence: one.raised, kind: 'LOW_CREDITS', remaining: '10' } };
    expect(next).toEqual([{ data }, { data }, { data }]);
    expect(resolved.creditAlerts).toBe(1);
  });

  it('is told as each asked: by names and directives of its own', async () => {
    const query = `subscription ($id: ID, $after: String, $is: Boolean = true) {
      creditAlerts(accountId: $id, after: $after) { sequence kind @include(if: $is) } }`;
    const two = `subscription A($id: ID, $after: String) { creditAlerts(accountId: $id, after: $after) { a: sequence } }
      subscription B($id: ID, $after: String) { creditAlerts(accountId: $id, after: $after) { b: sequence } }`;
    const next = await nextAnswers([
      { query },
      { query, variables: { is: false } },
      { query, variables: { is: true } },
      { query: two, operationName: 'A' },
      { query: two, operationName: 'B' },
    ]);

    const sequence = one.raised;
    expect(next).toEqual(
      [
        { sequence, kind: 'RESOLVED' },
        { sequence },
        { sequence, kind: 'RESOLVED' },
        { a: sequence },
        { b: sequence },
      ].map((creditAlerts) => ({ data: { creditAlerts } })),
    );
  });

  it.each([
    [
      'a field that asks',
      `subscription ($id: ID, $after: String) { creditAlerts(accountId: $id, after: $after) { threshold { id } } }`,
    ],
    ['such a field in a fragment', OF_FRAGMENT],
  ])('is resolved for each caller when it is selected by %s', async (_what, query) => {
    await nextAnswers([{ query }, { query }, { query }]);

    expect(resolved).toEqual({ creditAlerts: 3, threshold: 3 });
  });
});

describe('what a socket is told', () => {
  it('names its operation, whatever its id holds', async () => {
    const raw = await initialised(originOf(gateway), gateway.operatorKey);
    const id = 'a "quoted" \\ id\n';
    const payload = { query: PLAIN, variables: { id: one.accountId, after: '' } };
    raw.send({ type: 'subscribe', id, payload });
    await until(() => answers(raw).length === one.raised, 'all alerts');

    expect(new Set(raw.messages.slice(1).map((message) => message.id))).toEqual(new Set([id]));
    raw.socket.terminate();
  });
});
