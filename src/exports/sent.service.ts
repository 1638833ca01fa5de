// One export while it is sent: its chunks, what they come to, and its end, whichever comes.

import { createHash } from 'node:crypto';
import { UserInputError } from '../core/errors.ts';
import type { Database, Snapshot } from '../db/database.ts';
import { type RunState, SEEN_EVERY_MS, type Sent } from './run.ts';
import { endRun, updateRun } from './runs.store.ts';
import type { Part } from './sets.service.ts';

export interface SentExportDeps {
  readonly database: Database;
  readonly accountId: number;
  readonly runId: string;
  readonly parts: AsyncIterable<Part>;
  readonly hasCredits: boolean;
  readonly rowsMax: number;
  readonly snapshot: Snapshot;
  /** Gives up its place among those that run. */
  readonly release: () => void;
  /** Whether it is the gateway's doing that an export ends early. */
  readonly isStopping: () => boolean;
}

export class SentExport {
  private readonly hash = createHash('sha256');
  private rows = 0;
  private bytes = 0;
  private creditsMicro = 0n;
  private readonly seeing = setInterval(() => {
    // When the database cannot be reached, the next statement says so.
    this.noteSeen().catch(() => undefined);
  }, SEEN_EVERY_MS).unref();
  private state: RunState = 'RUNNING';
  private ending: Promise<void> | null = null;

  constructor(private readonly deps: SentExportDeps) {}

  /** The bytes, as fast as they are taken. Before the last of them is taken, it is noted what they come to. */
  async *chunks(): AsyncGenerator<Buffer> {
    try {
      for await (const part of this.deps.parts) {
        const chunk = this.count(part);
        if (chunk.length > 0) yield chunk;
      }
      await this.note('COMPLETE');
    } catch (error) {
      if (this.state === 'RUNNING') this.state = 'FAILED';
      throw error;
    }
  }

  /** Ends it, complete or not. It can be called again. */
  end(): Promise<void> {
    this.ending ??= this.endOnce();
    return this.ending;
  }

  private count({ text, rows, creditsMicro }: Part): Buffer {
    const chunk = Buffer.from(text);
    this.hash.update(chunk);
    this.rows += rows;
    this.bytes += chunk.length;
    this.creditsMicro += creditsMicro;
    if (this.rows > this.deps.rowsMax) {
      throw new UserInputError(`The export has more than ${this.deps.rowsMax} rows.`);
    }
    return chunk;
  }

  private get sent(): Sent {
    const { rows, bytes } = this;
    return { rows, bytes, creditsMicro: this.deps.hasCredits ? this.creditsMicro : null };
  }

  private async noteSeen(): Promise<void> {
    const { database, accountId, runId } = this.deps;
    await database.inTransaction({ accountId }, (tx) => updateRun(tx, accountId, runId, this.sent));
  }

  private async endOnce(): Promise<void> {
    const { snapshot, release, isStopping } = this.deps;
    clearInterval(this.seeing);
    try {
      // A statement that still runs is given up.
      if (this.state !== 'COMPLETE') snapshot.cancel(new Error('the export has ended'));
      await snapshot.close();
      if (this.state !== 'COMPLETE') {
        await this.note(this.state === 'FAILED' || isStopping() ? 'FAILED' : 'ABORTED');
      }
    } finally {
      release();
    }
  }

  private async note(state: RunState): Promise<void> {
    const { database, accountId, runId } = this.deps;
    const sha256 = state === 'COMPLETE' ? this.hash.digest('hex') : null;
    const end = { ...this.sent, state, sha256 };
    await database.inTransaction({ accountId }, (tx) => endRun(tx, accountId, runId, end));
    this.state = state;
  }
}
