// The messages that the gateway posts to a partner (docs/webhooks.md): verifying them, by the rules of Standard Webhooks
// (https://www.standardwebhooks.com), and what is in them.

import { wallClockMs } from './clock.ts';
import type {
  AlertKind,
  ResourceKind,
  ResourceStatus,
  ThresholdMeasure,
  WebhookEvent,
} from './operations.ts';

const TOLERANCE_SECONDS = 300;
const SECRET_START = 'whsec_';
const SIGNATURE_START = 'v1,';

export interface WebhookAccount {
  readonly id: string;
  readonly externalId: string | null;
}

export interface ToldDeployment {
  readonly id: string;
  readonly kind: ResourceKind;
  readonly externalId: string;
  readonly name: string;
}

/** A deployment that a message is about. */
export interface WebhookDeployment extends ToldDeployment {
  readonly owner: string | null;
  readonly status: ResourceStatus;
  readonly endpointUrl: string | null;
  readonly failureMessage: string | null;
}

export interface WebhookHosting {
  readonly hardware: string;
  readonly replicas: number;
  /** Of all replicas together, a decimal number. */
  readonly creditsPerHour: string;
}

export interface WebhookAlert {
  readonly id: string;
  readonly sequence: number;
  /** For `alerts({ after })`. */
  readonly cursor: string;
  readonly kind: AlertKind;
  readonly threshold: {
    readonly id: string;
    readonly measure: ThresholdMeasure;
    readonly value: string;
    readonly label: string | null;
  } | null;
  readonly crossedAt: string;
  readonly raisedAt: string;
  readonly remaining: string;
  readonly percentUsed: number | null;
  readonly runsRemaining: number | null;
  readonly measured: string | null;
  readonly message: string;
  readonly stoppedCount: number;
  /** As many as fit; the API has all. */
  readonly stopped: readonly ToldDeployment[];
  readonly resolves: { readonly id: string; readonly sequence: number } | null;
}

/** closing = carriedOver + allocated - used - expired + adjusted, as decimal numbers. */
export interface WebhookSums {
  readonly carriedOver: string;
  readonly allocated: string;
  readonly used: string;
  readonly expired: string;
  readonly adjusted: string;
  readonly closing: string;
}

export interface WebhookCycle extends WebhookSums {
  readonly id: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly workflowRuns: WebhookSums;
}

interface Told<TType extends WebhookEvent, TData> {
  /** The same in all attempts, and for all endpoints that get the message: keep it, to do nothing twice. */
  readonly id: string;
  readonly type: TType;
  /** When it happened. */
  readonly timestamp: string;
  readonly data: { readonly account: WebhookAccount } & TData;
}

interface DeploymentData {
  readonly deployment: WebhookDeployment;
  /** Null when it does not run any more. */
  readonly hosting: WebhookHosting | null;
}

/** A message, by its `type`. A later gateway can add fields and types: ignore what you do not know. */
export type WebhookMessage =
  | Told<'ALERT_RAISED', { readonly alert: WebhookAlert }>
  | Told<'DEPLOYMENT_STARTED', DeploymentData>
  | Told<'DEPLOYMENT_CHANGED', DeploymentData>
  | Told<
      'DEPLOYMENT_STOPPED',
      DeploymentData & { readonly cause: 'UNDEPLOYED' | 'DELETED' | 'FAILED' | 'NEGATIVE_LIMIT' }
    >
  | Told<'CYCLE_CLOSED', { readonly cycle: WebhookCycle }>
  | Told<
      'WEBHOOK_TEST',
      { readonly endpoint: { readonly id: string; readonly events: readonly WebhookEvent[] } }
    >;

/** A request is not a message of the gateway: answer it with 400. The message says why. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
}

export type WebhookHeaders =
  Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** How far the message's time may be from this machine's, in seconds; 300 by default. */
  readonly toleranceSeconds?: number;
  /** Instead of this machine's clock, in epoch milliseconds. */
  readonly nowMs?: number;
}

/**
 * Verifies a message and reads it.
 * @param body the bytes as they came, before anything parsed them
 * @param secrets what createWebhookEndpoint or rotateWebhookSecret gave (whsec_…); with several, any of them may have signed
 * @throws WebhookError when it was not signed with a secret, its time is too far away, or it is no message
 */
export async function verify(
  body: string | Uint8Array | ArrayBuffer,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): Promise<WebhookMessage> {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature');
  requireNear(timestamp, options);
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`);
  for (const secret of typeof secrets === 'string' ? [secrets] : secrets) {
    if (await isSigned(signed, secret, signatures)) return messageOf(id, text);
  }
  throw new WebhookError('webhook-signature does not fit the body and the secret.');
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : headers[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WebhookError(`The header ${name} is missing.`);
}

function isHeaders(headers: WebhookHeaders): headers is Headers {
  return typeof headers.get === 'function';
}

// An old message that somebody recorded must not be taken for a new one.
function requireNear(timestamp: string, options: VerifyOptions): void {
  const { toleranceSeconds = TOLERANCE_SECONDS, nowMs = wallClockMs() } = options;
  const awaySeconds = Math.abs(nowMs / 1_000 - Number(timestamp));
  if (/^\d{1,12}$/.test(timestamp) && awaySeconds <= toleranceSeconds) return;
  throw new WebhookError(
    `webhook-timestamp is ${timestamp}; it must be within ${toleranceSeconds} seconds of now.`,
  );
}

async function isSigned(
  signed: Uint8Array<ArrayBuffer>,
  secret: string,
  signatures: string,
): Promise<boolean> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const bytes = bytesOf(secret.startsWith(SECRET_START) ? secret.slice(SECRET_START.length) : '');
  if (bytes === null || bytes.length === 0) {
    throw new TypeError(`A secret is not valid: it must begin with ${SECRET_START}.`);
  }
  const key = await crypto.subtle.importKey('raw', bytes, hmac, false, ['verify']);
  for (const one of signatures.split(' ')) {
    const signature = one.startsWith(SIGNATURE_START)
      ? bytesOf(one.slice(SIGNATURE_START.length))
      : null;
    // It takes the same time whatever is wrong with the signature.
    if (signature !== null && (await crypto.subtle.verify(hmac, key, signature, signed)))
      return true;
  }
  return false;
}

/** The bytes of a base64 text; null when it is none. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function messageOf(id: string, text: string): WebhookMessage {
  const message = parseJson(text);
  if (
    typeof message !== 'object' ||
    message === null ||
    !('type' in message) ||
    !('data' in message)
  ) {
    throw new WebhookError('The body is not a message: it needs type, timestamp and data.');
  }
  // Who signs it writes it in this form.
  return { ...message, id } as WebhookMessage;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
