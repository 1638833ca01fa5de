// A partner's side of webhooks: an HTTP server on this machine that keeps what it was sent, byte by byte, and answers as it
// was told to.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How a request is answered: a status, or by hand. */
export type Reply =
  | number
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | ((response: http.ServerResponse, request: http.IncomingMessage) => void);

export class Receiver {
  readonly received: Received[] = [];
  /** Answers of the next requests, in order; after them `otherwise`. */
  readonly replies: Reply[] = [];
  otherwise: Reply = 204;
  connections = 0;
  private readonly waiting: (() => void)[] = [];

  private constructor(private readonly server: http.Server) {
    server.on('connection', () => {
      this.connections += 1;
    });
    server.on('request', (request, response) => {
      this.take(request, response);
    });
  }

  static async listen(): Promise<Receiver> {
    const server = http.createServer();
    const receiver = new Receiver(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path = '/hooks'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Waits until it was sent so many messages. */
  async count(messages: number): Promise<void> {
    while (this.received.length < messages) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
      const body = Buffer.concat(chunks);
      this.received.push({ method, path: url, headers: Object.fromEntries(texts), body });
      answer(this.replies.shift() ?? this.otherwise, request, response);
      for (const wake of this.waiting.splice(0)) wake();
    });
  }
}

function answer(reply: Reply, request: http.IncomingMessage, response: http.ServerResponse): void {
  if (typeof reply === 'function') {
    reply(response, request);
  } else if (typeof reply === 'number') {
    response.writeHead(reply).end();
  } else {
    response.writeHead(reply.status, { ...reply.headers }).end();
  }
}

/**
 * What a message says, when the secret signed it: as a partner checks it, with the library, from the raw bytes.
 * @param atMs the receiver's now
 */
export function verified(
  message: Received | undefined,
  secret: string,
  atMs: number,
): Record<string, unknown> {
  if (message === undefined) throw new Error('no message was received');
  const clock = jest.spyOn(Date, 'now').mockReturnValue(atMs);
  try {
    const said: unknown = new Webhook(secret).verify(message.body, message.headers);
    return Object.fromEntries(Object.entries(said ?? {}));
  } finally {
    clock.mockRestore();
  }
}
