// One connection that listens for the notifications of transactions. Notifications may be lost while the connection is down,
// so a caller is notified of each new connection, and then reads on from where it is.

import { Connection, sessionOptions } from './connection.ts';

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** Without asking, a silent link looks like one without notifications. */
const ASK_EVERY_MS = 5_000;

export interface ListenerOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly channel: string;
  readonly onNotice: (payload: string) => void;
  /** Called whenever the connection starts or resumes listening: notifications before it may have been lost. */
  readonly onListening: () => void;
}

/** Listens until it is stopped. A broken connection is opened again, after a pause that grows to five seconds. */
export class Listener {
  private connection: Connection | null = null;
  private retry: NodeJS.Timeout | null = null;
  private backoffMs = BACKOFF_FIRST_MS;
  private connecting: Promise<void>;
  private isStopped = false;

  constructor(private readonly options: ListenerOptions) {
    this.connecting = this.connect();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.retry !== null) clearTimeout(this.retry);
    await this.connection?.end().catch(() => undefined);
    await this.connecting;
  }

  private async connect(): Promise<void> {
    const { url, applicationName, channel, onNotice, onListening } = this.options;
    const connection = new Connection({
      connectionString: url,
      application_name: applicationName,
      options: sessionOptions('billing_gateway'),
    });
    this.connection = connection;
    connection.on('notification', ({ payload }) => {
      onNotice(payload ?? '');
    });
    connection.on('error', () => undefined);
    connection.on('end', () => {
      this.connectAgain(connection);
    });
    try {
      await connection.connect();
      await connection.query(`listen ${connection.escapeIdentifier(channel)}`);
    } catch {
      // The end of a connection that never connected may fail.
      await connection.end().catch(() => undefined);
      this.connectAgain(connection);
      return;
    }
    this.backoffMs = BACKOFF_FIRST_MS;
    askWhileOpen(connection);
    onListening();
  }

  private connectAgain(ended: Connection): void {
    if (this.isStopped || this.connection !== ended || this.retry !== null) return;
    this.retry = setTimeout(() => {
      this.retry = null;
      this.connecting = this.connect();
    }, this.backoffMs);
    this.retry.unref();
    this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MAX_MS);
  }
}

// A question that is not answered in time closes the connection.
function askWhileOpen(connection: Connection): void {
  const timer = setInterval(() => {
    connection.query('select 1').catch(() => undefined);
  }, ASK_EVERY_MS);
  timer.unref();
  connection.once('end', () => {
    clearInterval(timer);
  });
}
