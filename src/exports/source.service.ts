import type { Account } from '../account/account.ts';
import type { Granularity, ResolvedRange } from '../account/range.ts';
import type { Clock } from '../core/clock.ts';
import type { CursorKey } from '../core/cursor.ts';
import type { Actor } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import type { UsageDimension } from '../views/report.ts';
import type { FocusParties, FocusVersion } from './focus-rows.ts';
import type { ExportAsOf } from './request.ts';

/** What the rows of an export are read from: one account in one range, as of an instant. */
export interface ExportSource {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly account: Account;
  readonly range: ResolvedRange;
  readonly asOf: ExportAsOf;
  /** Rows begin after it; null: with the first. */
  readonly after: CursorKey | null;
  readonly granularity: Granularity | null;
  readonly groupBy: readonly UsageDimension[];
  /** Of FOCUS. */
  readonly version: FocusVersion;
  /** Whom FOCUS names. */
  readonly parties: FocusParties;
}
