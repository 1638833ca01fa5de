// One connection that listens for what transactions notify. A notice may be lost while the connection is down, so whoever
// listens is told of each new connection, and then reads on from where it is.

import pg from 'pg';

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** The server drops a connection whose client has gone; this side finds out by the system's keep-alive. */
const KEEP_ALIVE_AFTER_MS = 10_000;

export interface ListenerOptions {
  readonly url: string;
  readonly applicationName: string;
  /** Settings of the session, as in libpq's `options`. */
  readonly settings: string;
  readonly channel: string;
  readonly onNotice: (payload: string) => void;
  /** Called whenever the connection listens (again): notices before it may have been lost. */
  readonly onListening: () => void;
}

/** Listens until it is stopped; a connection that breaks is opened again, after a pause that grows to five seconds. */
export class Listener {
  private client: pg.Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private backoffMs = BACKOFF_FIRST_MS;
  private connecting: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: ListenerOptions) {
    this.connecting = this.connect();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.retry !== null) clearTimeout(this.retry);
    await this.connecting;
    await this.client?.end().catch(() => undefined);
    this.client = null;
  }

  private async connect(): Promise<void> {
    const { url, applicationName, settings, channel, onNotice, onListening } = this.options;
    const client = new pg.Client({
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      options: settings,
    });
    client.on('notification', ({ payload }) => {
      onNotice(payload ?? '');
    });
    client.on('error', () => undefined);
    client.on('end', () => {
      this.connectAgain(client);
    });
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
    } catch {
      // A client that never connected may tell no end.
      await client.end().catch(() => undefined);
      this.connectAgain(client);
      return;
    }
    this.client = client;
    this.backoffMs = BACKOFF_FIRST_MS;
    onListening();
  }

  private connectAgain(ended: pg.Client): void {
    const isCurrent = this.client === null || this.client === ended;
    if (this.isStopped || !isCurrent || this.retry !== null) return;
    this.client = null;
    this.retry = setTimeout(() => {
      this.retry = null;
      this.connecting = this.connect();
    }, this.backoffMs);
    this.retry.unref();
    this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MAX_MS);
  }
}
