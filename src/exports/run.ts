// What an export came to. Its rows are counted and its bytes hashed as they are sent.

import type { ExportFormat, ExportName } from './request.ts';
import type { Totals } from './columns.ts';

export const runStates = {
  RUNNING: 'RUNNING',
  /** All of it was sent. */
  COMPLETE: 'COMPLETE',
  /** The caller went away, or took nothing for too long. */
  ABORTED: 'ABORTED',
  /** Something went wrong, or the gateway stopped. */
  FAILED: 'FAILED',
} as const;
export type RunState = keyof typeof runStates;

/** What was sent so far, or in all. */
export interface Sent extends Totals {
  readonly bytes: number;
}

export interface ExportRun extends Sent {
  readonly runId: string;
  readonly name: ExportName;
  readonly format: ExportFormat;
  readonly state: RunState;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of all bytes of the body, in hex; null until it is complete. */
  readonly sha256: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
}

/** How often a running one is written of, also while its caller takes nothing. */
export const SEEN_EVERY_MS = 5_000;
/** A running one that was not written of for so long has lost its gateway. */
export const LOST_AFTER_SECONDS = 30;
