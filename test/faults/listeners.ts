// Those who are told: subscribers that go on by cursor, a receiver of webhooks, and a mail server.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCore } from '@billing-gateway/client';
import WebSocket from 'ws';
import { type Mailbox, openMailbox } from '../support/mailbox.ts';
import type { Chance } from './chance.ts';
import type { Violations } from './violations.ts';

/** A subscriber's alert, as far as it is compared. */
export interface Told {
  readonly sequence: number;
  readonly kind: string;
  readonly crossedAt: string;
}

/** Hears an account's alerts from the first on, over all losses of its connection. */
export class Subscriber {
  readonly told: Told[] = [];
  /** Ends it. */
  readonly stop: () => void;

  constructor(
    readonly who: string,
    connection: { readonly origin: string; readonly key: string; readonly accountId: string },
    violations: Violations,
  ) {
    const { origin, key, accountId } = connection;
    const core = createCore({ url: origin, key, fetch, webSocket: WebSocket });
    const listen = async (): Promise<void> => {
      for await (const { sequence, kind, crossedAt } of core.alerts({ accountId, after: '' })) {
        this.told.push({ sequence, kind, crossedAt });
      }
    };
    listen().catch((error: unknown) => {
      violations.add('a subscriber goes on after any loss', `${who}: ${String(error)}`);
    });
    this.stop = () => void core.close();
  }
}

/** A message as it came: its body the first time, and how often. */
interface Message {
  readonly body: string;
  times: number;
}

export class WebhookReceiver {
  readonly byId = new Map<string, Message>();

  private constructor(
    private readonly server: http.Server,
    private readonly chance: Chance,
    private readonly violations: Violations,
  ) {
    server.on('request', (request, response) => {
      this.take(request, response);
    });
  }

  static async listen(chance: Chance, violations: Violations): Promise<WebhookReceiver> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WebhookReceiver(server, chance, violations);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const id = String(request.headers['webhook-id']);
      const body = Buffer.concat(chunks).toString();
      const known = this.byId.get(id);
      if (known !== undefined && known.body !== body) {
        this.violations.add('a message has one id and one body', id);
      }
      this.byId.set(id, { body: known?.body ?? body, times: (known?.times ?? 0) + 1 });
      // Now and then the first attempt fails, so that there is a second one.
      response.writeHead(known === undefined && this.chance.happens(0.05) ? 503 : 204).end();
    });
  }
}

export class Mails {
  private constructor(private readonly mailbox: Mailbox) {}

  static async open(): Promise<Mails> {
    return new Mails(await openMailbox());
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.mailbox.port}`;
  }

  /** The texts that came under each Message-ID. */
  get byId(): ReadonlyMap<string, ReadonlySet<string>> {
    const byId = new Map<string, Set<string>>();
    for (const { messageId = '', text = '' } of this.mailbox.mails) {
      byId.set(messageId, (byId.get(messageId) ?? new Set()).add(text));
    }
    return byId;
  }

  close(): Promise<void> {
    return this.mailbox.close();
  }
}
