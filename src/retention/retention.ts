// How long the gateway keeps what has ended and is no part of the books. Events, the ledger, alerts and statements stay for ever.

import { DAY_MS } from '../core/range.ts';

/** Days from when each was written; 0: for ever. */
export interface Retention {
  readonly deliveriesDays: number;
  readonly emailsDays: number;
  readonly exportsDays: number;
  /** Jobs whose last attempt failed; others are deleted when they have run. */
  readonly jobsDays: number;
  readonly auditDays: number;
}

/** As shipped: only what an export came to is forgotten. */
export const retentionDefaults: Retention = {
  deliveriesDays: 0,
  emailsDays: 0,
  exportsDays: 30,
  jobsDays: 0,
  auditDays: 0,
};

export const RETENTION_DAYS_MAX = 36_500;
/** The database lets nobody delete audit entries that are younger. */
export const AUDIT_DAYS_MIN = 30;

/** The latest instant at which something was written that is no longer kept, epoch ms; null: all is kept. */
export function prunedUntilMs(days: number, nowMs: number): number | null {
  return days === 0 ? null : nowMs - days * DAY_MS;
}
