// An account: whose usage it is, in which zone its days begin and on which day its billing cycle.

import { parseTimeZone, cycleStartMs } from '../core/calendar.ts';
import { UserInputError } from '../core/errors.ts';
import { isoInstant } from '../core/range.ts';
import { parseText } from '../core/text.ts';

export const CYCLE_DAY_MAX = 28;
export const NOTIFICATION_EMAILS_MAX = 20;

export interface Account {
  readonly accountId: number;
  readonly externalId: string | null;
  readonly name: string;
  readonly timeZone: string;
  /** First day of the billing cycle, 1 to 28. */
  readonly cycleDay: number;
  readonly notificationEmails: readonly string[];
  readonly createdAtMs: number;
  /** Credits and runs are kept from here on; what happened before is history. */
  readonly creditsFromMs: number;
}

/** What createAccount is called with, as the API takes it. */
export interface CreateAccountRequest {
  readonly name: string;
  readonly externalId?: string | null;
  readonly timeZone?: string | null;
  readonly notificationEmails?: readonly string[] | null;
  readonly cycleDay?: number | null;
  readonly createdAt?: number | null;
  readonly creditsFrom?: number | null;
}

export type NewAccount = Omit<Account, 'accountId'>;

/**
 * Checks a request for a new account and fills its defaults.
 * @throws UserInputError naming the field
 */
export function parseNewAccount(request: CreateAccountRequest, nowMs: number): NewAccount {
  const timeZone = parseTimeZone(request.timeZone ?? 'UTC', ['input', 'timeZone']);
  const cycleDay = parseCycleDay(request.cycleDay ?? 1);
  const createdAtMs = notAfter(request.createdAt ?? nowMs, nowMs, 'createdAt');
  const runningCycleMs = cycleStartMs(timeZone, cycleDay, nowMs);
  const defaultFromMs = Math.max(createdAtMs, createdAtMs < nowMs ? runningCycleMs : nowMs);
  const creditsFromMs = notAfter(request.creditsFrom ?? defaultFromMs, nowMs, 'creditsFrom');
  if (creditsFromMs < createdAtMs) {
    throw new UserInputError('creditsFrom must not be before createdAt.', {
      path: ['input', 'creditsFrom'],
    });
  }
  return {
    name: parseText(request.name, ['input', 'name']),
    externalId:
      request.externalId == null ? null : parseText(request.externalId, ['input', 'externalId']),
    timeZone,
    cycleDay,
    notificationEmails: parseEmails(request.notificationEmails ?? []),
    createdAtMs,
    creditsFromMs,
  };
}

/** What a request says, defaults filled in and null where it leaves an instant to the gateway: equal for equal requests. */
export type Creation = Readonly<Record<string, unknown>>;

/** A request in the form in which it is kept and compared when it comes again. */
export function creationOf(account: NewAccount, request: CreateAccountRequest): Creation {
  const { name, externalId, timeZone, notificationEmails, cycleDay } = account;
  const { createdAt = null, creditsFrom = null } = request;
  return { name, externalId, timeZone, notificationEmails, cycleDay, createdAt, creditsFrom };
}

/** @throws UserInputError when there are too many */
export function parseEmails(emails: readonly string[]): readonly string[] {
  if (emails.length > NOTIFICATION_EMAILS_MAX) {
    throw new UserInputError(
      `notificationEmails has ${emails.length} addresses; at most ${NOTIFICATION_EMAILS_MAX} are kept.`,
      { path: ['input', 'notificationEmails'] },
    );
  }
  return emails;
}

function parseCycleDay(cycleDay: number): number {
  if (cycleDay >= 1 && cycleDay <= CYCLE_DAY_MAX) return cycleDay;
  throw new UserInputError(`cycleDay is ${cycleDay}; it must be from 1 to ${CYCLE_DAY_MAX}.`, {
    path: ['input', 'cycleDay'],
  });
}

function notAfter(atMs: number, nowMs: number, field: string): number {
  if (atMs <= nowMs) return atMs;
  throw new UserInputError(`${field} is ${isoInstant(atMs)}; it must not be after now.`, {
    path: ['input', field],
  });
}
