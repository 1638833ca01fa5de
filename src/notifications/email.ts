// Which emails an account gets. All that happens at one instant makes one email. Its kind is that of the most serious event, and
// it reports everything. Scaling alone makes no email.

import type { CreditEvent } from '../engine/credit-event.ts';

/** The most serious first. A disabled webhook is separate: it does not come from the account's clock. */
export const emailKinds = {
  NEGATIVE_LIMIT_REACHED: 'NEGATIVE_LIMIT_REACHED',
  CREDITS_EXHAUSTED: 'CREDITS_EXHAUSTED',
  LOW_CREDITS: 'LOW_CREDITS',
  STOP_EXPECTED: 'STOP_EXPECTED',
  CREDIT_USAGE: 'CREDIT_USAGE',
  RUN_USAGE: 'RUN_USAGE',
  DEPLOYMENT_STOPPED: 'DEPLOYMENT_STOPPED',
  DEPLOYMENT_STARTED: 'DEPLOYMENT_STARTED',
  RESOLVED: 'RESOLVED',
  WEBHOOK_DISABLED: 'WEBHOOK_DISABLED',
} as const;
export type EmailKind = keyof typeof emailKinds;

const GRAVEST_FIRST: readonly EmailKind[] = Object.values(emailKinds);

export const deliveryStatuses = {
  PENDING: 'PENDING',
  DELIVERED: 'DELIVERED',
  FAILED: 'FAILED',
} as const;
export type DeliveryStatus = keyof typeof deliveryStatuses;

/** What an email says. */
export interface EmailContent {
  readonly kind: EmailKind;
  /** A single line. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** An email in its stored form. */
export interface Email extends EmailContent {
  readonly accountId: number;
  readonly emailId: number;
  readonly to: readonly string[];
  /** The same for every attempt, so that a mailbox that gets it twice shows it once. */
  readonly messageId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAtMs: number;
  readonly deliveredAtMs: number | null;
}

/** What happened at one instant. One email reports it. */
export interface Instant {
  readonly atMs: number;
  readonly kind: EmailKind;
  readonly creditEvents: readonly CreditEvent[];
}

/** The instants that make an email each, in the order of their first credit event. */
export function instantsOf(creditEvents: readonly CreditEvent[]): readonly Instant[] {
  const byInstant = new Map<number, CreditEvent[]>();
  for (const one of creditEvents) {
    byInstant.set(one.atMs, [...(byInstant.get(one.atMs) ?? []), one]);
  }
  return [...byInstant].flatMap(([atMs, here]) => {
    const kinds = new Set(here.map(kindOf));
    const kind = GRAVEST_FIRST.find((known) => kinds.has(known));
    return kind === undefined ? [] : [{ atMs, kind, creditEvents: here }];
  });
}

/** The kind of an email about this event alone; null: it makes no email. */
function kindOf(creditEvent: CreditEvent): EmailKind | null {
  switch (creditEvent.what) {
    case 'CYCLE_CLOSED':
      return 'CREDIT_USAGE';
    case 'DEPLOYMENT_STARTED':
    case 'DEPLOYMENT_STOPPED':
      return creditEvent.what;
    case 'DEPLOYMENT_CHANGED':
      return null;
    case 'ALERT':
      if (creditEvent.kind === 'CREDIT_THRESHOLD') return 'CREDIT_USAGE';
      return creditEvent.kind === 'RUN_THRESHOLD' ? 'RUN_USAGE' : creditEvent.kind;
  }
}
