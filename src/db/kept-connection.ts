// A connection of its own for questions that must never wait behind the requests of a busy pool. It is opened when it is first
// needed, and again after it was lost.

import { Connection, sessionOptions } from './connection.ts';
import type { Row } from './decode.ts';

/** Whoever asks while it connects is told that nothing answers yet. */
const CONNECT_WITHIN_MS = 2_000;

export class KeptConnection {
  private connection: Promise<Connection> | null = null;
  private isStopped = false;

  constructor(
    private readonly url: string,
    private readonly applicationName: string,
  ) {}

  /** The first row of an answer. @throws when it does not come soon; the next question finds a new connection */
  async ask(text: string): Promise<Row> {
    if (this.isStopped) throw new Error('The connection is no longer needed.');
    const opened = (this.connection ??= this.connect());
    try {
      const { rows } = await (await opened).query<Row>(text);
      return rows[0] ?? {};
    } catch (error) {
      if (this.connection === opened) this.connection = null;
      await end(opened);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.connection !== null) await end(this.connection);
  }

  private async connect(): Promise<Connection> {
    const connection = new Connection({
      connectionString: this.url,
      application_name: this.applicationName,
      options: sessionOptions('billing_gateway'),
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
    });
    // One that does not answer soon is given up.
    connection.expectWithin(0);
    connection.on('error', () => undefined);
    connection.once('end', () => {
      this.connection = null;
    });
    try {
      await connection.connect();
    } catch (error) {
      // The end of a connection that never connected may fail.
      await connection.end().catch(() => undefined);
      throw error;
    }
    if (this.isStopped) await connection.end();
    return connection;
  }
}

async function end(opened: Promise<Connection>): Promise<void> {
  await opened.then((connection) => connection.end()).catch(() => undefined);
}
