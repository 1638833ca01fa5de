// The WebSocket of a gateway: one for all streams, with a watch over a link that has fallen silent.

import { type Client, createClient } from 'graphql-ws/client';
import { Connection, type ConnectionOptions } from './connection.ts';
import { errorOf, failureOf, GatewayError } from './errors.ts';
import { Queue } from './queue.ts';

const KEEP_ALIVE_MS = 10_000;
/** A connection that does not answer for so long is given up: after a sleep nobody tells that it is gone. */
const SILENCE_MOST_MS = 10_000;
/** Events that wait for a reader. Then the stream ends, and is asked for again when they were read. */
const WAITING_MOST = 1_000;
const KEY_REFUSED = 4403;
const TOO_MANY = 4451;
const TOO_MANY_WAIT_SECONDS = 5;
/** Closes that would only repeat: of a client that does not keep to the protocol (docs/subscriptions.md). */
const FINAL_CLOSES: readonly unknown[] = [4400, 4401, 4406, 4409, 4429];

export interface SocketOptions extends ConnectionOptions {
  /** The constructor of WebSockets where there is no global one: on Node 20, that of the package ws. */
  readonly webSocket?: unknown;
  /** Told when the socket is ready, and when it is lost. */
  readonly onConnection?: (state: 'open' | 'interrupted') => void;
}

/** One operation on a socket. */
export interface Subscribed<TData> {
  /** @throws GatewayError when it ended by itself, so that it has to be asked for again, or never */
  readonly events: AsyncGenerator<TData, void, undefined>;
  readonly stop: () => void;
}

/** What carries the streams of a key. It is open while there is a stream. */
export class Socket {
  private readonly connection: Connection;
  private client: Client | null = null;
  /** The key of the present connection. */
  private key = '';
  private isConnected = false;

  constructor(private readonly options: SocketOptions) {
    this.connection = new Connection(options);
  }

  /** @param isLatestOnly an event replaces those that were not read yet */
  subscribe<TData>(
    payload: { readonly query: string; readonly variables: object },
    isLatestOnly: boolean,
  ): Subscribed<TData> {
    const queue = new Queue<TData>();
    this.client ??= this.open();
    const stop = this.client.subscribe<TData>(
      { query: payload.query, variables: { ...payload.variables } },
      {
        next: ({ data, errors }) => {
          if (errors !== undefined) queue.end(errorOf(errors));
          else if (data != null) {
            if (isLatestOnly) queue.clear();
            queue.push(data);
          }
          if (queue.length < WAITING_MOST) return;
          queue.end(lost('The events came faster than they were read.'));
          stop();
        },
        error: (reason) => {
          queue.end(this.errorOf(reason));
        },
        complete: () => {
          queue.end(lost('The gateway ended the stream.'));
        },
      },
    );
    return {
      events: queue.taken(),
      stop: () => {
        queue.end(null);
        stop();
      },
    };
  }

  /** Whether another key than the one that was refused is to be had. */
  async renews(): Promise<boolean> {
    return this.key !== '' && (await this.connection.key()) !== this.key;
  }

  async close(): Promise<void> {
    const { client, isConnected } = this;
    this.client = null;
    this.isConnected = false;
    const closed = Promise.resolve(client?.dispose()).catch(() => undefined);
    // One that is still connecting is closed once it is open, which nobody waits for: browsers complain of one that is closed before.
    if (isConnected) await closed;
  }

  private open(): Client {
    const { webSocket, onConnection } = this.options;
    if (webSocket === undefined && !('WebSocket' in globalThis)) {
      throw new TypeError(
        "There is no global WebSocket: import WebSocket from 'ws', and give it as the option webSocket.",
      );
    }
    const answer = expectAnswer(() => {
      client.terminate();
    });
    const client = createClient({
      url: `${this.connection.base.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: heard(webSocket ?? globalThis.WebSocket),
      connectionParams: async () => {
        this.key = await this.connection.key();
        return { authorization: `Bearer ${this.key}` };
      },
      keepAlive: KEEP_ALIVE_MS,
      // Streams go on by themselves, each from its own place.
      retryAttempts: 0,
      on: {
        connecting: answer.isDue,
        ping: (isReceived) => {
          if (!isReceived) answer.isDue();
        },
        pong: (isReceived) => {
          if (isReceived) answer.came();
        },
        connected: () => {
          answer.came();
          // It may have been closed while it connected, and another one may be there by now.
          if (this.client !== client) return;
          this.isConnected = true;
          onConnection?.('open');
        },
        closed: () => {
          answer.came();
          if (this.client === client) this.isConnected = false;
          onConnection?.('interrupted');
        },
      },
    });
    return client;
  }

  private errorOf(reason: unknown): GatewayError {
    if (Array.isArray(reason)) return errorOf(reason);
    const at = `The connection to ${this.connection.base}`;
    const { code, reason: said } = (reason ?? {}) as { code?: unknown; reason?: unknown };
    if (typeof code !== 'number') return failureOf(reason, at);
    const why = typeof said === 'string' && said !== '' ? `${code}: ${said}` : String(code);
    const message = `${at} was closed (${why}).`;
    if (code === KEY_REFUSED) return new GatewayError('UNAUTHENTICATED', message);
    if (FINAL_CLOSES.includes(code)) return new GatewayError('BAD_ANSWER', message);
    if (code !== TOO_MANY) return lost(message);
    return new GatewayError('RATE_LIMITED', message, { retryAfterSeconds: TOO_MANY_WAIT_SECONDS });
  }
}

/**
 * Sockets whose errors are heard to their end. One of the package ws that is closed while it connects fails, and graphql-ws has stopped
 * to listen by then: nobody would hear it, which ends the process.
 */
function heard(webSocket: unknown): typeof WebSocket {
  return class extends (webSocket as typeof WebSocket) {
    constructor(...of: ConstructorParameters<typeof WebSocket>) {
      super(...of);
      this.addEventListener('error', () => undefined);
    }
  };
}

function lost(message: string): GatewayError {
  return new GatewayError('NETWORK', message);
}

interface Answer {
  readonly isDue: () => void;
  readonly came: () => void;
}

function expectAnswer(onSilence: () => void): Answer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const came = (): void => {
    clearTimeout(timer);
  };
  const isDue = (): void => {
    came();
    timer = setTimeout(onSilence, SILENCE_MOST_MS);
  };
  return { isDue, came };
}
