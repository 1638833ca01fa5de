// An account: whose usage it is, in which zone its days begin, and on which day of the month its billing cycle does.

import { parseNotAfter, parseWithin } from '../core/check.ts';
import { parseTimeZone, cycleStartMs } from '../core/calendar.ts';
import { type AccountCycle, firstAccountCycle } from './cycle.ts';
import { UnavailableError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { isoInstant } from '../core/range.ts';
import { parseOptionalText, parseText } from '../core/text.ts';

export const CYCLE_DAY_MAX = 28;
export const NOTIFICATION_EMAILS_MAX = 20;
/** How far a gateway's clock may be ahead of the database's when it writes. */
const AHEAD_MAX_MS = 1_000;
const TEST_CLOCK_EARLIEST_MS = Date.UTC(2000, 0, 1);
const TEST_CLOCK_LATEST_MS = Date.UTC(2080, 0, 1);

/** The highest numbers and the sums of an account so far. */
export interface AccountTotals {
  readonly lastSeq: number;
  readonly quantity: bigint;
  readonly creditsMicro: bigint;
}

export interface Account {
  readonly accountId: number;
  readonly externalId: string | null;
  readonly name: string;
  readonly timeZone: string;
  /** First day of the billing cycle, 1 to 28. */
  readonly cycleDay: number;
  readonly notificationEmails: readonly string[];
  readonly createdAtMs: number;
  /** Credits and runs are kept from here on; what happened before changes no balance. */
  readonly creditsFromMs: number;
  /** A test account: its clock is moved by hand. */
  readonly isTest: boolean;
  /** The account's position: everything due up to it has happened. For a test account this is its now. */
  readonly settledAtMs: number;
  /** The cycle that contains its position. */
  readonly cycle: AccountCycle;
  readonly recorded: AccountTotals;
  /** Since when nothing is written any more; its position stays there. Null: it is open. */
  readonly closedAtMs: number | null;
  /** When its personal texts were erased, in real time; null: they were not. */
  readonly erasedAtMs: number | null;
}

/** What an account's now depends on. */
export type AccountTime = Pick<Account, 'isTest' | 'closedAtMs' | 'settledAtMs'>;

/** Whether an account's time does not go on by itself. */
export function standsStill({ isTest, closedAtMs }: Omit<AccountTime, 'settledAtMs'>): boolean {
  return isTest || closedAtMs !== null;
}

/**
 * An account's now, epoch ms. Only this function decides it. For a test account it is the instant that it was moved to, for a
 * closed one the instant of its end. For any other it is the real time, but never before the account's position (another gateway's
 * clock may be a moment ahead of ours).
 */
export function nowOf(account: AccountTime, realNowMs: number): number {
  return standsStill(account) ? account.settledAtMs : Math.max(account.settledAtMs, realNowMs);
}

/**
 * The now of a write under the account's lock, epoch ms. Bookings cannot be undone, so it is never more than a
 * second ahead of the database's clock. A test account has its own time.
 * @throws UnavailableError when this gateway's clock is more than a second ahead
 */
export function nowUnderLock(
  account: AccountTime,
  clock: {
    /** The real time when the lock was requested. */
    readonly askedMs: number;
    readonly nowMs: number;
    /** The database's clock when the lock was granted. */
    readonly databaseMs: number;
  },
): number {
  if (standsStill(account)) return account.settledAtMs;
  const latestMs = clock.databaseMs + AHEAD_MAX_MS;
  if (clock.askedMs > latestMs) {
    throw new UnavailableError(
      "This gateway's clock is more than a second ahead of the database's, so nothing was written; please try again later.",
    );
  }
  return nowOf(account, Math.min(clock.nowMs, latestMs));
}

/** The arguments of createAccount, as the API takes them. */
export interface CreateAccountRequest {
  readonly name: string;
  readonly externalId?: string | null;
  readonly timeZone?: string | null;
  readonly notificationEmails?: readonly string[] | null;
  readonly cycleDay?: number | null;
  readonly createdAt?: number | null;
  readonly creditsFrom?: number | null;
  readonly testClock?: number | null;
}

export type NewAccount = Omit<Account, 'accountId' | 'recorded' | 'closedAtMs' | 'erasedAtMs'>;

/**
 * Checks a request for a new account and fills in its defaults.
 * @throws UserInputError naming the field
 */
export function parseNewAccount(request: CreateAccountRequest, realNowMs: number): NewAccount {
  const { testClock = null } = request;
  const nowMs = testClock === null ? realNowMs : parseTestClock(testClock, ['input', 'testClock']);
  const timeZone = parseTimeZone(request.timeZone ?? 'UTC', ['input', 'timeZone']);
  const cycleDay = parseWithin(request.cycleDay ?? 1, { min: 1, max: CYCLE_DAY_MAX }, [
    'input',
    'cycleDay',
  ]);
  const createdAtMs = parseNotAfter(request.createdAt ?? nowMs, nowMs, ['input', 'createdAt']);
  const creditsFromMs = parseCreditsFrom(request, createdAtMs, {
    nowMs,
    runningCycleMs: cycleStartMs(timeZone, cycleDay, nowMs),
  });
  return {
    name: parseText(request.name, ['input', 'name']),
    externalId: parseOptionalText(request.externalId, ['input', 'externalId']),
    timeZone,
    cycleDay,
    notificationEmails: parseEmails(request.notificationEmails ?? []),
    createdAtMs,
    creditsFromMs,
    isTest: testClock !== null,
    // The first settlement does everything that was due since the account's credits began.
    settledAtMs: creditsFromMs,
    cycle: firstAccountCycle({ timeZone, cycleDay }, creditsFromMs),
  };
}

function parseCreditsFrom(
  request: CreateAccountRequest,
  createdAtMs: number,
  { nowMs, runningCycleMs }: { readonly nowMs: number; readonly runningCycleMs: number },
): number {
  const defaultFromMs = Math.max(createdAtMs, createdAtMs < nowMs ? runningCycleMs : nowMs);
  const path = ['input', 'creditsFrom'];
  const creditsFromMs = parseNotAfter(request.creditsFrom ?? defaultFromMs, nowMs, path);
  if (creditsFromMs >= createdAtMs) return creditsFromMs;
  throw new UserInputError('creditsFrom must not be before createdAt.', { path });
}

/** Checks an instant for a test clock. @throws UserInputError */
export function parseTestClock(atMs: number, path: ErrorPath): number {
  if (atMs >= TEST_CLOCK_EARLIEST_MS && atMs <= TEST_CLOCK_LATEST_MS) return atMs;
  throw new UserInputError(
    `${path.at(-1) ?? 'The instant'} is ${isoInstant(atMs)}; a test clock must be between ${isoInstant(TEST_CLOCK_EARLIEST_MS)} and ${isoInstant(TEST_CLOCK_LATEST_MS)}.`,
    { path },
  );
}

/** A request with its defaults, and null where it leaves an instant to the gateway. Equal requests give equal values. */
export type Creation = Readonly<Record<string, unknown>>;

/** A request in the form in which it is stored and compared with a later request. */
export function creationOf(account: NewAccount, request: CreateAccountRequest): Creation {
  const { name, externalId, timeZone, notificationEmails, cycleDay } = account;
  const { createdAt = null, creditsFrom = null, testClock = null } = request;
  const times = { createdAt, creditsFrom, testClock };
  return { name, externalId, timeZone, notificationEmails, cycleDay, ...times };
}

/** Checks the addresses for emails. @throws UserInputError */
export function parseEmails(emails: readonly string[]): readonly string[] {
  if (emails.length > NOTIFICATION_EMAILS_MAX) {
    throw new UserInputError(
      `notificationEmails has ${emails.length} addresses; at most ${NOTIFICATION_EMAILS_MAX} are kept.`,
      { path: ['input', 'notificationEmails'] },
    );
  }
  return emails;
}
