// All that an account's credits depend on: what advance() (clock.ts) begins with and ends with. Plain values; the
// store reads and writes them.

import type { HardwareRate } from '../catalogue/rates.ts';
import type { RunningSegment } from './burn.ts';
import type { CreditPolicy } from './limits.ts';
import type { Wallet } from './lots.ts';
import type { AlertRule } from './alert-rules.ts';

/** A rate, and since when the account knows of it: a forecast must not use what was set later. */
export interface KnownRate extends HardwareRate {
  /** Epoch ms; -Infinity for a test account, which knows all rates that there are. */
  readonly knownFromMs: number;
}

/** The running billing cycle; `endMs` is the next one's start. */
export interface RunningCycle {
  readonly cycleId: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface AccountState {
  readonly accountId: number;
  /** The account's position: all that was due up to and including this instant has happened. */
  readonly atMs: number;
  /** Moved by hand; see nowOf (account/account.ts). */
  readonly isTest: boolean;
  readonly creditsFromMs: number;
  readonly timeZone: string;
  readonly cycleDay: number;
  readonly cycle: RunningCycle;
  readonly policy: CreditPolicy;
  readonly credits: Wallet;
  readonly runs: Wallet;
  readonly running: readonly RunningSegment[];
  /** Resources whose deployment was asked for and is not running yet. */
  readonly requestedResourceIds: readonly number[];
  /** Of all hardware. */
  readonly rates: readonly KnownRate[];
  readonly alertRules: readonly AlertRule[];
  /** Numbers given so far. */
  readonly lastLedgerSequence: number;
  readonly lastAlertSequence: number;
  readonly lastLocalId: number;
}
