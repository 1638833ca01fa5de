// What has ended is deleted once it is as old as the configuration says, on any gateway: a few rows at a time, in short
// transactions, by one gateway at a time.

import type { Clock } from '../core/clock.ts';
import { Repeating } from '../core/repeating.ts';
import type { Database } from '../db/database.ts';
import { prunedUntilMs, type Retention, retentionDefaults } from './retention.ts';
import { lockPruning, prune } from './retention.store.ts';

const LOOK_MS = 60_000;
const ROWS_PER_STEP = 500;
const prunedKinds = [
  'deliveriesDays',
  'emailsDays',
  'exportsDays',
  'jobsDays',
  'auditDays',
] as const;

export class PruningLoop {
  private readonly repeating = new Repeating(
    LOOK_MS,
    () => this.pruneAll(),
    (error) => {
      this.deps.onError(error);
    },
  );

  constructor(
    private readonly deps: {
      readonly database: Database;
      readonly clock: Clock;
      /** Default: as shipped. */
      readonly retention?: Retention;
      readonly onError: (error: unknown) => void;
    },
  ) {}

  /** Looks every minute, until `stop`. */
  start(): void {
    this.repeating.start(LOOK_MS);
  }

  /** Ends after the step in progress. */
  async stop(): Promise<void> {
    await this.repeating.stop();
  }

  /** Deletes all that is no longer kept. While another gateway does, there is nothing to do. */
  async pruneAll(): Promise<void> {
    for (const kind of prunedKinds) await this.pruneKind(kind).catch(this.deps.onError);
  }

  private async pruneKind(kind: keyof Retention): Promise<void> {
    const { database, clock, retention = retentionDefaults } = this.deps;
    const untilMs = prunedUntilMs(retention[kind], clock.nowMs());
    if (untilMs === null) return;
    let deleted = ROWS_PER_STEP;
    while (!this.repeating.isStopping && deleted === ROWS_PER_STEP) {
      deleted = await database.inTransaction('system', async (tx) =>
        (await lockPruning(tx)) ? prune(tx, kind, { untilMs, limit: ROWS_PER_STEP }) : 0,
      );
    }
  }
}
