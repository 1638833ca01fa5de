// An account: whose usage it is, in which zone its days begin and on which day its billing cycle.

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

/** How far an account's numbers and sums have come. */
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
  /** Credits and runs are kept from here on; what happened before is history. */
  readonly creditsFromMs: number;
  /** Its time stands still and is moved by hand. */
  readonly isTest: boolean;
  /** The account's position: everything that was due up to it has happened. A test account's now. */
  readonly settledAtMs: number;
  /** The cycle that runs at its position. */
  readonly cycle: AccountCycle;
  readonly recorded: AccountTotals;
}

/**
 * An account's now, epoch ms: the only place that says what it is. A test account stands where it was moved to; any other
 * goes by the real time, but never back behind its position (another gateway's clock may be a moment ahead of ours).
 */
export function nowOf(account: Pick<Account, 'isTest' | 'settledAtMs'>, realNowMs: number): number {
  return account.isTest ? account.settledAtMs : Math.max(account.settledAtMs, realNowMs);
}

/**
 * The now of a write under the account's lock, epoch ms. What is booked cannot be taken back, so it is never more than a
 * second ahead of the database's clock. A test account's is its own.
 * @throws UnavailableError when this gateway's clock is further ahead than that
 */
export function nowUnderLock(
  account: Pick<Account, 'isTest' | 'settledAtMs'>,
  clock: {
    /** The real time when the lock was asked for. */
    readonly askedMs: number;
    readonly nowMs: number;
    /** The database's clock when it was given. */
    readonly databaseMs: number;
  },
): number {
  if (account.isTest) return account.settledAtMs;
  const latestMs = clock.databaseMs + AHEAD_MAX_MS;
  if (clock.askedMs > latestMs) {
    throw new UnavailableError(
      "This gateway's clock is more than a second ahead of the database's, so nothing was written; please try again later.",
    );
  }
  return nowOf(account, Math.min(clock.nowMs, latestMs));
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
  readonly testClock?: number | null;
}

export type NewAccount = Omit<Account, 'accountId' | 'recorded'>;

/**
 * Checks a request for a new account and fills its defaults.
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
    // From its credits' start on everything that was due happens at the first settlement.
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

/** An instant that a test account may stand at. @throws UserInputError */
export function parseTestClock(atMs: number, path: ErrorPath): number {
  if (atMs >= TEST_CLOCK_EARLIEST_MS && atMs <= TEST_CLOCK_LATEST_MS) return atMs;
  throw new UserInputError(
    `${path.at(-1) ?? 'The instant'} is ${isoInstant(atMs)}; a test clock stands between ${isoInstant(TEST_CLOCK_EARLIEST_MS)} and ${isoInstant(TEST_CLOCK_LATEST_MS)}.`,
    { path },
  );
}

/** What a request says, defaults filled in and null where it leaves an instant to the gateway: equal for equal requests. */
export type Creation = Readonly<Record<string, unknown>>;

/** A request in the form in which it is kept and compared when it comes again. */
export function creationOf(account: NewAccount, request: CreateAccountRequest): Creation {
  const { name, externalId, timeZone, notificationEmails, cycleDay } = account;
  const { createdAt = null, creditsFrom = null, testClock = null } = request;
  const times = { createdAt, creditsFrom, testClock };
  return { name, externalId, timeZone, notificationEmails, cycleDay, ...times };
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
