// Subscribers under test: real clients on real sockets, and what they were told so far.

import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { allocate, type Api, ask, createAccount, NO_THRESHOLDS } from './account.ts';
import { soon, until } from './eventually.ts';
import { type AnswerError, type TestGateway, textOf } from './gateway.ts';
import {
  CreateThresholdDocument,
  SetCreditPolicyDocument,
  type Operation,
} from '@billing-gateway/client/operations';
import { post } from './post.ts';

export function originOf(gateway: TestGateway): string {
  const address = gateway.server.server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return `http://127.0.0.1:${address.port}`;
}

export function socketAddress(origin: string): string {
  return `${origin.replace('http', 'ws')}/graphql`;
}

/** A stream that a test reads, as far as it came. */
export interface Stream<T> {
  readonly events: T[];
  readonly errors: unknown[];
  /** How the stream ended; null while it goes on. */
  end: 'COMPLETE' | 'FAILED' | null;
  stop: () => void;
}

/** A client of the library, as partners use it. It connects at its first subscription, and never again by itself. */
export function liveClient(origin: string, key: string): Client {
  return createClient({
    url: socketAddress(origin),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    lazy: true,
  });
}

export function subscribe<TData, TVariables extends Record<string, unknown>>(
  client: Client,
  document: Operation<TData, TVariables>,
  variables: TVariables,
): Stream<TData> {
  const stream: Stream<TData> = { events: [], errors: [], end: null, stop: () => undefined };
  stream.stop = client.subscribe<TData>(
    { query: document.text, variables },
    {
      next: ({ data, errors }) => {
        if (data != null) stream.events.push(data);
        if (errors !== undefined) stream.errors.push(...errors);
      },
      error: (error) => {
        stream.errors.push(error);
        stream.end = 'FAILED';
      },
      complete: () => {
        stream.end = 'COMPLETE';
      },
    },
  );
  return stream;
}

/** A socket without a client's care: what is sent and how it closes is up to the test. */
export interface RawSocket {
  readonly socket: WebSocket;
  readonly messages: { type: string; id?: string; payload?: unknown }[];
  closed: { code: number; reason: string } | null;
  send: (message: unknown) => void;
}

export async function rawSocket(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawSocket> {
  const socket = new WebSocket(socketAddress(origin), 'graphql-transport-ws', { headers });
  const raw: RawSocket = {
    socket,
    messages: [],
    closed: null,
    send: (message) => {
      socket.send(JSON.stringify(message));
    },
  };
  socket.on('message', (frame: Buffer) => {
    raw.messages.push(JSON.parse(frame.toString()) as RawSocket['messages'][number]);
  });
  socket.on('close', (code, reason) => {
    raw.closed = { code, reason: reason.toString() };
  });
  socket.on('error', () => undefined);
  await until(() => socket.readyState === WebSocket.OPEN, 'the socket opens');
  return raw;
}

/** The status that an upgrade is answered with; 101 when the socket opens. */
export async function upgradeStatus(
  origin: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  let status = 0;
  const socket = new WebSocket(socketAddress(origin), 'graphql-transport-ws', { headers });
  socket.on('unexpected-response', (_request, response) => {
    status = response.statusCode ?? -1;
  });
  socket.on('open', () => {
    status = 101;
  });
  socket.on('error', () => undefined);
  await until(() => status !== 0, 'an answer to the upgrade');
  socket.terminate();
  return status;
}

/** A socket that is acknowledged. */
export async function initialised(origin: string, key: string): Promise<RawSocket> {
  const raw = await rawSocket(origin);
  raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } });
  await until(() => raw.messages.some(({ type }) => type === 'connection_ack'), 'the ack');
  return raw;
}

/** Tells an account of alerts: each call is one alert, LOW_CREDITS and RESOLVED in turn. */
export interface Alarm {
  readonly accountId: string;
  /** How many it raised. */
  raised: number;
  raise: (by?: Api) => Promise<void>;
}

/** An account whose time stands still, with ten credits and no thresholds. */
export async function alarm(gateway: TestGateway, name: string): Promise<Alarm> {
  const accountId = await createAccount(gateway, {
    name,
    externalId: name,
    ...NO_THRESHOLDS,
    testClock: '2026-03-01T00:00:00.000Z',
  });
  await allocate(gateway, accountId, '10');
  const one: Alarm = {
    accountId,
    raised: 0,
    raise: async (by = gateway) => {
      const lowCredit = one.raised % 2 === 0 ? '10' : '0';
      await ask(by, SetCreditPolicyDocument, { input: { accountId, lowCredit } });
      one.raised += 1;
    },
  };
  return one;
}

/** Gives an account thresholds that are reached already: each is an alert at once, and again at every cycle's begin. */
export async function addThresholds(
  gateway: TestGateway,
  one: Alarm,
  count: number,
): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await ask(gateway, CreateThresholdDocument, {
      input: {
        accountId: one.accountId,
        measure: 'CREDITS_REMAINING',
        value: String(100 + index),
      },
    });
    one.raised += 1;
  }
}

/** An event as it came down a stream. */
export interface ServerEvent {
  readonly event: string;
  readonly data: {
    readonly data?: { readonly creditAlerts?: { readonly sequence: number } };
    readonly errors?: readonly unknown[];
  } | null;
}

export interface EventStream {
  isOver: boolean;
  received: () => ServerEvent[];
  stop: () => void;
}

/** Subscribes by SSE, and collects what comes as it comes. */
export async function eventStream<TData, TVariables>(
  origin: string,
  key: string,
  document: Operation<TData, TVariables> | string,
  variables: TVariables,
): Promise<EventStream> {
  const abort = new AbortController();
  const body = { query: textOf(document), variables };
  const response = await post(origin, '/graphql/stream', { body, key, signal: abort.signal });
  if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
  let text = '';
  const stream: EventStream = {
    isOver: false,
    received: () =>
      [...text.matchAll(/event: (\w+)\ndata: ?(.*)\n\n/g)].map(([, event = '', data = '']) => ({
        event,
        data: data === '' ? null : (JSON.parse(data) as ServerEvent['data']),
      })),
    stop: () => {
      abort.abort();
    },
  };
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  };
  void read(response.body)
    .catch(() => undefined)
    .finally(() => {
      stream.isOver = true;
    });
  return stream;
}

/** What a subscriber is told first. */
export interface FirstAnswer {
  readonly data?: unknown;
  readonly errors?: readonly AnswerError[];
}

interface Asked {
  readonly key: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The first answer to a subscription by SSE; null when there is nothing to tell. */
export async function firstAnswer(origin: string, asked: Asked): Promise<FirstAnswer | null> {
  const stream = await eventStream(origin, asked.key, asked.query, asked.variables);
  const next = await soon(() => stream.received().find(({ event }) => event === 'next'));
  stream.stop();
  return next === null ? null : (next.data as FirstAnswer);
}

/** The same by WebSocket. */
export async function firstAnswerBySocket(
  origin: string,
  { key, query, variables }: Asked,
): Promise<FirstAnswer | null> {
  const raw = await initialised(origin, key);
  raw.send({ type: 'subscribe', id: '1', payload: { query, variables } });
  const message = await soon(() => raw.messages.find(({ id }) => id === '1'));
  raw.socket.terminate();
  if (message?.type === 'error') return { errors: message.payload as readonly AnswerError[] };
  return message === null ? null : (message.payload as FirstAnswer);
}
