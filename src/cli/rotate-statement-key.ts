// npm run rotate-statement-key: makes a new key that signs statements from a minute later on. It takes the gateway's variables, and
// gateways that run meanwhile need no restart. Earlier statements keep verifying by the keys that stay listed.

import { loadConfig } from '../config.ts';
import { SystemClock } from '../core/clock.ts';
import { isoInstant } from '../core/range.ts';
import { keepTime } from '../db/keep-time.ts';
import { secretBox } from '../partners/secret-box.service.ts';
import { StatementKeys } from '../statements/keys.service.ts';
import { webhookKeys } from '../webhook-key.ts';
import { withDatabase } from './opened.ts';

try {
  await withDatabase(async (database) => {
    const clock = new SystemClock();
    const time = await keepTime(clock, database, () => undefined);
    time.stop();
    const box = secretBox(await webhookKeys(loadConfig(process.env)));
    const { keyId, notBeforeMs } = await new StatementKeys({ database, clock, box }).rotate();
    process.stdout.write(`The key ${keyId} signs statements from ${isoInstant(notBeforeMs)} on.\n`);
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
