// All that an account's credits depend on: the input and the result of advance() (clock.ts). Plain values; the
// store reads and writes them.

import type { HardwareRate } from '../catalogue/rates.ts';
import type { RunningSegment } from './burn.ts';
import type { CreditPolicy } from './limits.ts';
import type { Wallet } from './lots.ts';
import type { AlertRule } from './alert-rules.ts';

/** A rate, and since when the account knows it: a forecast must not use rates that were set later. */
export interface KnownRate extends HardwareRate {
  /** Epoch ms; -Infinity for a test account, which knows all existing rates. */
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
  /** The account's position: everything due up to and including this instant has happened. */
  readonly atMs: number;
  /** A test account; see nowOf (account/account.ts). */
  readonly isTest: boolean;
  /** See Account. */
  readonly closedAtMs: number | null;
  readonly creditsFromMs: number;
  readonly timeZone: string;
  readonly cycleDay: number;
  readonly cycle: RunningCycle;
  readonly policy: CreditPolicy;
  readonly credits: Wallet;
  readonly runs: Wallet;
  readonly running: readonly RunningSegment[];
  /** Resources with a requested deployment that does not run yet. */
  readonly requestedResourceIds: readonly number[];
  /** For all hardware. */
  readonly rates: readonly KnownRate[];
  readonly alertRules: readonly AlertRule[];
  /** The last number of each kind that was used. */
  readonly lastLedgerSequence: number;
  /** The hash of that entry (settlement/entry-text.ts), in hex. */
  readonly lastLedgerHash: string;
  readonly lastAlertSequence: number;
  readonly lastLocalId: number;
}
