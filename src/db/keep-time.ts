// Keeps a gateway's clock by the database's, so that all gateways on one database agree.

import os from 'node:os';
import type { SystemClock } from '../core/clock.ts';
import type { Database } from './database.ts';

const EVERY_MS = 10_000;
/** Clocks that differ by less are not reported. */
const QUIET_UP_TO_MS = 1_000;

/**
 * Sets the clock to the database's, and follows it from then on.
 * @param report receives a sentence when the two begin to differ by more than a second, and when they no longer do
 */
export async function keepTime(
  clock: SystemClock,
  database: Pick<Database, 'clockMs'>,
  report: (line: string) => void,
): Promise<{ readonly stop: () => void }> {
  let reported = lineOf(0);
  const follow = async (): Promise<void> => {
    const askedMs = clock.passedMs();
    const databaseMs = await database.clockMs();
    const aheadMs = clock.follow({ askedMs, databaseMs, upMs: os.uptime() * 1_000 });
    const line = lineOf(aheadMs);
    if (line !== reported) report(line);
    reported = line;
  };
  await follow();
  // /health/ready reports an unreachable database. Meanwhile time goes on from the last answer.
  const timer = setInterval(() => void follow().catch(() => undefined), EVERY_MS);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}

function lineOf(aheadMs: number): string {
  if (aheadMs > QUIET_UP_TO_MS) {
    return "The database's clock was set forward. This gateway keeps its own time until it is restarted.";
  }
  if (aheadMs < -QUIET_UP_TO_MS) {
    return "The database's clock was set back. Writes are refused until it catches up with this gateway's time, or is corrected.";
  }
  return "The database's clock and the time that has passed agree.";
}
