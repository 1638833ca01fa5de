// What an account is promised, by name: what is stored and was told, beside the books of its client. The rig and the simulation read
// it each in their own way, and compare it here.

import type { Books } from './books.ts';
import type { Violations } from './violations.ts';

/** An event as it is stored. */
export interface StoredEvent {
  readonly eventId: string;
  readonly creditsMicro: string;
  readonly isVoided: boolean;
}

export function compareEvents(
  violations: Violations,
  { name, events }: Books,
  stored: readonly StoredEvent[],
): void {
  const recorded = new Map(stored.map((event) => [event.eventId, event]));
  violations.compare('an event is recorded once', name, stored.length, recorded.size);
  for (const [eventId, sent] of events) {
    const of = `${name}: event ${eventId}`;
    const event = recorded.get(eventId);
    if (event === undefined) {
      if (sent.recorded === 'YES') violations.add('what was acknowledged is there', of);
      continue;
    }
    if (sent.recorded === 'NO') violations.add('what was refused is not there', of);
    const { creditsMicro, isVoided } = event;
    violations.compare('an event is as it was sent', of, creditsMicro, String(sent.creditsMicro));
    violations.compare('what was acknowledged is there', of, isVoided, sent.voided === 'YES');
  }
  for (const eventId of recorded.keys()) {
    if (events.has(eventId)) continue;
    violations.add('nothing is there that was not sent', `${name}: event ${eventId}`);
  }
}

/** Three ways to the same sum, in micro-credits. */
export interface Sums {
  readonly balance: unknown;
  readonly ledger: unknown;
  readonly lots: unknown;
}

export function compareBalance(
  violations: Violations,
  { name, balanceMicro }: Pick<Books, 'name' | 'balanceMicro'>,
  { balance, ledger, lots }: Sums,
): void {
  violations.compare("the client's books = balance", name, balance, String(balanceMicro));
  violations.compare('balance = sum of the ledger', name, ledger, balance);
  violations.compare('balance = what is left in lots', name, lots, balance);
}

/** An entry of the ledger: its number, the balance that it tells, and the sum of all up to it. */
export interface StoredEntry {
  readonly sequence: unknown;
  readonly balance: unknown;
  readonly running: unknown;
}

/** @param entries in the order of their numbers */
export function compareLedger(
  violations: Violations,
  name: string,
  entries: readonly StoredEntry[],
): void {
  entries.forEach(({ sequence, balance, running }, index) => {
    const of = `${name}: entry ${index + 1}`;
    violations.compare('the ledger is gapless', of, sequence, String(index + 1));
    violations.compare('each entry tells the balance', of, balance, running);
  });
}

/** @param booked the amounts by their keys */
export function compareAmounts(
  violations: Violations,
  { name, amounts }: Books,
  booked: ReadonlyMap<string, unknown>,
): void {
  violations.compare('credits are booked once', name, booked.size, amounts.size);
  for (const [key, { amountMicro }] of amounts) {
    const of = `${name}: credits ${key}`;
    violations.compare('what was acknowledged is there', of, booked.get(key), String(amountMicro));
  }
}

/** An alert as it is stored. */
export interface StoredAlert {
  readonly sequence: unknown;
  readonly kind: unknown;
  readonly rule: string;
}

/** @param alerts in the order of their numbers */
export function compareAlerts(
  violations: Violations,
  { name, crossings }: Pick<Books, 'name' | 'crossings'>,
  alerts: readonly StoredAlert[],
): void {
  violations.compare('each crossing is told once', name, alerts.length, crossings);
  const open = new Set<string>();
  alerts.forEach(({ sequence, kind, rule }, index) => {
    const of = `${name}: alert ${index + 1}`;
    violations.compare('alerts are gapless', of, sequence, String(index + 1));
    const isResolved = kind === 'RESOLVED';
    if (isResolved !== open.has(rule)) violations.add('each crossing is told once', of);
    if (isResolved) open.delete(rule);
    else open.add(rule);
  });
}

/** Compares a message with what came under its id. */
export function compareMessage(
  violations: Violations,
  message: { readonly id: string; readonly payload: unknown; readonly status: string },
  received: { readonly body: string } | undefined,
): void {
  const { id, payload, status } = message;
  if (received === undefined) {
    violations.add('each webhook comes at least once', `${id} (${status})`);
  } else violations.compare('a message has one id and one body', id, received.body, payload);
}

export function compareTold(
  violations: Violations,
  who: string,
  told: readonly unknown[],
  alerts: readonly unknown[],
): void {
  violations.compare('each subscriber is told everything once and in order', who, told, alerts);
}
