// The job that sends an email.

import { invariant } from '../core/errors.ts';

export const SEND_EMAIL = 'sendEmail';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The delay before each attempt after the first: ten attempts within three days. */
export const RETRY_DELAYS_MS: readonly number[] = [
  10_000,
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  24 * HOUR_MS,
  24 * HOUR_MS,
];

/** The email that a job sends. */
export interface SendEmailPayload {
  readonly accountId: number;
  readonly emailId: number;
}

/** @throws InvariantError when it is not a payload of ours */
export function parseSendEmail(payload: unknown): SendEmailPayload {
  invariant(isSendEmail(payload), 'payload of an email', { payload: JSON.stringify(payload) });
  return payload;
}

function isSendEmail(payload: unknown): payload is SendEmailPayload {
  if (typeof payload !== 'object' || payload === null) return false;
  const named = 'accountId' in payload && 'emailId' in payload;
  return named && Number.isSafeInteger(payload.accountId) && Number.isSafeInteger(payload.emailId);
}

/** The job that sends an email, at once or at a given instant. */
export function sendEmailJob(
  payload: SendEmailPayload,
  runAtMs?: number,
): {
  readonly task: string;
  readonly payload: SendEmailPayload;
  readonly jobKey: string;
  readonly runAtMs?: number;
} {
  const { accountId, emailId } = payload;
  const job = { task: SEND_EMAIL, payload, jobKey: `email ${accountId} ${emailId}` };
  return runAtMs === undefined ? job : { ...job, runAtMs };
}
