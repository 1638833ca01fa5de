// Keeps a gateway's clock by the database's, so that all gateways on one database agree.

import os from 'node:os';
import type { SystemClock } from '../core/clock.ts';
import type { Database } from './database.ts';

const EVERY_MS = 10_000;
/** As far as clocks may differ without anybody being told. */
const QUIET_UP_TO_MS = 1_000;

/**
 * Sets the clock by the database's, and follows it from then on.
 * @param tell told in a sentence when the two begin to differ by more than a second, and when they no longer do
 */
export async function keepTime(
  clock: SystemClock,
  database: Pick<Database, 'clockMs'>,
  tell: (line: string) => void,
): Promise<{ readonly stop: () => void }> {
  let told = lineOf(0);
  const follow = async (): Promise<void> => {
    const askedMs = clock.passedMs();
    const databaseMs = await database.clockMs();
    const aheadMs = clock.follow({ askedMs, databaseMs, upMs: os.uptime() * 1_000 });
    const line = lineOf(aheadMs);
    if (line !== told) tell(line);
    told = line;
  };
  await follow();
  // An unreachable database is told by /health/ready; time goes on by the last answer meanwhile.
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
    return "The database's clock was set forward. This gateway goes on by the time that has passed, and takes over the database's clock when it is started anew.";
  }
  if (aheadMs < -QUIET_UP_TO_MS) {
    return "The database's clock was set back. Writes are refused until it reaches the time at which this gateway stands, or is set right.";
  }
  return "The database's clock and the time that has passed agree.";
}
