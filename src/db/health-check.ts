// Whether the database answers, asked on a connection of its own: a probe never waits behind the requests of a busy pool.

import { KeptConnection } from './kept-connection.ts';

/** Probes are answered within a second, whatever the database does. */
const ANSWER_WITHIN_MS = 800;

/** Asks the database whether it answers. */
export class HealthCheck {
  private readonly connection: KeptConnection;
  private asking: Promise<boolean> | null = null;

  constructor(url: string) {
    this.connection = new KeptConnection(url, 'billing-gateway health');
  }

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
    await this.connection.stop();
    await this.asking;
  }

  private ask(): Promise<boolean> {
    return this.connection.ask('select 1').then(
      () => true,
      () => false,
    );
  }
}
