// Whether the database answers, asked on a connection of its own: a probe never waits behind the requests of a busy pool.

import { Connection, sessionOptions } from './connection.ts';

/** Probes are answered within a second, whatever the database does. */
const ANSWER_WITHIN_MS = 800;
/** Whoever asks while it connects is told that it does not answer yet. */
const CONNECT_WITHIN_MS = 2_000;

/** Asks the database whether it answers. */
export class HealthCheck {
  private connection: Connection | null = null;
  private asking: Promise<boolean> | null = null;
  private isStopped = false;

  constructor(private readonly url: string) {}

  /** Whether it answers, and soon. Those who ask at the same time share one question. */
  async isAnswering(): Promise<boolean> {
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ANSWER_WITHIN_MS, false);
    });
    try {
      return await Promise.race([this.asking, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.connection?.end().catch(() => undefined);
    await this.asking;
  }

  private async ask(): Promise<boolean> {
    try {
      this.connection ??= await this.connect();
      await this.connection.query('select 1');
      return true;
    } catch {
      await this.connection?.end().catch(() => undefined);
      this.connection = null;
      return false;
    }
  }

  private async connect(): Promise<Connection> {
    const connection = new Connection({
      connectionString: this.url,
      application_name: 'billing-gateway health',
      options: sessionOptions('billing_gateway'),
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
    });
    // One that does not answer soon is given up, so that the next question finds a new one.
    connection.expectWithin(0);
    connection.on('error', () => undefined);
    connection.once('end', () => {
      if (this.connection === connection) this.connection = null;
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
