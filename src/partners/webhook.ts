// Webhooks: where a partner receives events, and the life of each message, by the rules of Standard Webhooks
// (https://www.standardwebhooks.com). A message keeps its id over all its attempts. It is delivered when
// the receiver answers 2xx. Any other answer, even a redirect, is a failure, and is tried again after ever longer delays, ten
// times in about three days. An endpoint whose receiver is Gone (410), or whose message failed to the end, gets nothing more
// until it is enabled again. A test message is sent once: a person waits for its outcome, which has no consequence.

import type { DeliveryStatus } from '../notifications/email.ts';
import { HOUR_MS } from '../core/range.ts';
import { parseWithin } from '../core/check.ts';
import { ConflictError, UserInputError, type ErrorPath } from '../core/errors.ts';
import { parseUrl } from '../core/url.ts';

export const webhookEvents = {
  ALERT_RAISED: 'ALERT_RAISED',
  DEPLOYMENT_STARTED: 'DEPLOYMENT_STARTED',
  DEPLOYMENT_CHANGED: 'DEPLOYMENT_CHANGED',
  DEPLOYMENT_STOPPED: 'DEPLOYMENT_STOPPED',
  CYCLE_CLOSED: 'CYCLE_CLOSED',
  WEBHOOK_TEST: 'WEBHOOK_TEST',
} as const;
export type WebhookEvent = keyof typeof webhookEvents;

export const ENDPOINTS_MAX = 20;
export const SECRET_BYTES = 32;
export const SECRET_START = 'whsec_';
/** How long an old secret still signs by default, and at most. */
export const KEEP_OLD_SECONDS = 86_400;
export const KEEP_OLD_SECONDS_MAX = 30 * 86_400;

const GONE = 410;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** The delay before each attempt, counted from the end of the previous one. */
export const ATTEMPT_DELAYS_MS: readonly number[] = [
  0,
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
export const ATTEMPTS_MAX = ATTEMPT_DELAYS_MS.length;
/** A delay is extended by up to this part of itself, so that messages that failed together are not retried together. */
export const JITTER_PART = 0.1;
/** The longest Retry-After that is respected. */
export const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;

export interface EndpointRef {
  readonly accountId: number;
  readonly endpointId: number;
}

export interface WebhookEndpoint extends EndpointRef {
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly enabled: boolean;
  readonly createdAtMs: number;
  /** Since when nothing is sent; null while it is enabled. */
  readonly disabledAtMs: number | null;
}

export interface DeliveryRef {
  readonly accountId: number;
  readonly deliveryId: number;
}

export interface WebhookDelivery extends DeliveryRef {
  readonly endpointId: number;
  /** The message's id: the header `webhook-id`. */
  readonly webhookId: string;
  readonly event: WebhookEvent;
  readonly payload: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  /** Null when no attempt will follow: it is delivered, it failed, or its endpoint is disabled. */
  readonly nextAttemptAtMs: number | null;
  readonly lastResponseCode: number | null;
  readonly lastError: string | null;
  readonly createdAtMs: number;
  readonly deliveredAtMs: number | null;
}

/** The result of an attempt. */
export type Answer =
  | { readonly status: number; readonly retryAfter: string | null }
  | { readonly status: null; readonly error: string };

/** What follows from an attempt. */
export interface AttemptOutcome {
  readonly status: DeliveryStatus;
  readonly responseCode: number | null;
  /** One sentence; null when it was delivered. */
  readonly error: string | null;
  /** For PENDING: when it is tried again. */
  readonly nextAttemptAtMs: number | null;
  /** Until when the endpoint gets no other message either. */
  readonly pauseUntilMs: number | null;
  readonly disablesEndpoint: boolean;
}

/**
 * Decides what follows from an attempt.
 * @param attempt.number 1 for the first
 * @param attempt.jitter from 0 up to 1
 */
export function attemptOutcome(
  answer: Answer,
  attempt: {
    readonly event: WebhookEvent;
    readonly number: number;
    readonly nowMs: number;
    readonly jitter: number;
  },
): AttemptOutcome {
  const { status: responseCode } = answer;
  const none = { responseCode, nextAttemptAtMs: null, pauseUntilMs: null };
  if (isDelivered(answer)) {
    return { ...none, status: 'DELIVERED', error: null, disablesEndpoint: false };
  }
  if (attempt.event === 'WEBHOOK_TEST') {
    const error = responseCode === GONE ? `Answered ${GONE}.` : errorOf(answer);
    return { ...none, status: 'FAILED', error, disablesEndpoint: false };
  }
  const error = errorOf(answer);
  const delayMs = ATTEMPT_DELAYS_MS[attempt.number];
  if (responseCode === GONE || delayMs === undefined) {
    return { ...none, status: 'FAILED', error, disablesEndpoint: true };
  }
  const waitMs = Math.round(delayMs * (1 + JITTER_PART * attempt.jitter));
  const askedMs = retryAfterMs(answer, attempt.nowMs);
  return {
    status: 'PENDING',
    responseCode,
    error,
    nextAttemptAtMs: Math.max(attempt.nowMs + waitMs, askedMs ?? 0),
    pauseUntilMs: responseCode === 429 || responseCode === 503 ? askedMs : null,
    disablesEndpoint: false,
  };
}

/** Whether a receiver took a message. */
export function isDelivered({ status }: Answer): boolean {
  return status !== null && status >= 200 && status < 300;
}

function errorOf(answer: Answer): string {
  if (answer.status === null) return answer.error;
  if (answer.status >= 300 && answer.status < 400) {
    return `Answered ${answer.status}: redirects are not followed.`;
  }
  return answer.status === GONE
    ? `Answered ${GONE}: the endpoint is gone and was disabled.`
    : `Answered ${answer.status}.`;
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** When a receiver wants to be called again (Retry-After), at most RETRY_AFTER_MAX_MS ahead; null when it does not say. */
function retryAfterMs(answer: Answer, nowMs: number): number | null {
  if (answer.status === null || answer.retryAfter === null) return null;
  const text = answer.retryAfter.trim();
  const latestMs = nowMs + RETRY_AFTER_MAX_MS;
  if (/^\d{1,9}$/.test(text)) return Math.min(nowMs + Number(text) * SECOND_MS, latestMs);
  const dateMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return dateMs > nowMs ? Math.min(dateMs, latestMs) : null;
}

/** Which receivers are allowed. */
export interface UrlRules {
  /** http and this machine itself are allowed: for development and tests. */
  readonly allowLoopback: boolean;
  readonly path: ErrorPath;
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a host, as URL writes it, is this machine itself. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname);
}

const LOCAL_NAME = /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/;

/** Ports of other services (System Ports of RFC 6335): mail, shells, name servers. Messages are never sent to them. */
const SYSTEM_PORT_MAX = 1_023;
const HTTPS_PORT = 443;
const HTTP_PORT = 80;

/**
 * Checks the text of a receiver's URL. The addresses of its host are checked whenever something is sent.
 * @param isPrivateAddress whether a host, as URL writes it, is an address outside the public internet
 * @returns the URL as it is used: normalised, with all that a URL cannot contain percent-encoded
 * @throws UserInputError
 */
export function parseWebhookUrl(
  text: string,
  isPrivateAddress: (host: string) => boolean,
  rules: UrlRules,
): string {
  const url = parseUrl(text, rules.path);
  const fault = urlFault(url, isPrivateAddress, rules.allowLoopback);
  if (fault !== null) throw new UserInputError(`url ${fault}.`, { path: rules.path });
  return url.href;
}

/** Whether messages can be sent to the port of a URL. @param isLoopback whether its host is this machine, and allowed */
export function isReceiverPort({ protocol, port }: URL, isLoopback: boolean): boolean {
  const number = port === '' ? (protocol === 'http:' ? HTTP_PORT : HTTPS_PORT) : Number(port);
  return number > SYSTEM_PORT_MAX || number === HTTPS_PORT || (isLoopback && number === HTTP_PORT);
}

function urlFault(
  url: URL,
  isPrivateAddress: (host: string) => boolean,
  allowLoopback: boolean,
): string | null {
  const { username, password } = url;
  return username === '' && password === ''
    ? placeFault(url, isPrivateAddress, allowLoopback)
    : 'must not hold a user name or password: messages are signed instead';
}

function placeFault(
  url: URL,
  isPrivateAddress: (host: string) => boolean,
  allowLoopback: boolean,
): string | null {
  const { protocol, hostname, port } = url;
  const isLoopback = allowLoopback && isLoopbackHost(hostname);
  if (protocol !== 'https:' && !(isLoopback && protocol === 'http:')) {
    return `begins with ${protocol.slice(0, 20)}//; it must begin with https://`;
  }
  if (!isLoopback && (LOCAL_NAME.test(hostname) || isPrivateAddress(hostname))) {
    return 'leads to an address that is not on the public internet';
  }
  return isReceiverPort(url, isLoopback)
    ? null
    : `names port ${port}; messages are sent to port ${HTTPS_PORT}, or to one from ${SYSTEM_PORT_MAX + 1} on`;
}

/**
 * The events of an endpoint, without repetition, in their fixed order.
 * @throws UserInputError when there are none, or when it asks for test messages, which nothing but sendTestWebhook sends
 */
export function parseEvents(
  events: readonly WebhookEvent[],
  path: ErrorPath,
): readonly WebhookEvent[] {
  if (events.includes('WEBHOOK_TEST')) {
    throw new UserInputError(
      'events has WEBHOOK_TEST, which no endpoint subscribes to: sendTestWebhook sends it to any.',
      { path },
    );
  }
  const known = Object.values(webhookEvents).filter((event) => events.includes(event));
  if (known.length > 0) return known;
  throw new UserInputError('events must name at least one event.', { path });
}

/** @throws UserInputError when the time is negative or too long */
export function parseKeepOldSeconds(seconds: number | null, path: ErrorPath): number {
  return parseWithin(seconds ?? KEEP_OLD_SECONDS, { min: 0, max: KEEP_OLD_SECONDS_MAX }, path);
}

/** @throws ConflictError when an account already has the most endpoints that it can have */
export function requireRoom(endpoints: number): void {
  if (endpoints < ENDPOINTS_MAX) return;
  throw new ConflictError(
    `The account has ${endpoints} webhook endpoints; it can have at most ${ENDPOINTS_MAX}: delete one first.`,
  );
}
