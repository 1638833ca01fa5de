// A client of the gateway: GraphQL over HTTP. Every call here can safely be sent again (registering and
// recording give the same result), so calls that fail on the way are retried.

import { setTimeout as sleep } from 'node:timers/promises';
import { ImportStopped } from './errors.ts';
import type { InputObject, Registration } from './rows.ts';

export interface RecordAnswer {
  readonly accepted: number;
  /** The results of the events that were not accepted. */
  readonly results: readonly EventResult[];
}
interface EventResult {
  readonly index: number;
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
}

export interface ClientOptions {
  readonly url: string;
  readonly key: string;
  /** Waits between the attempts of one call, in milliseconds. */
  readonly retryDelaysMs: readonly number[];
}

const CALL_TIMEOUT_MS = 60_000;
/** One attempt, then one more after each of these. */
export const RETRY_DELAYS_MS = [250, 1_000, 2_000, 4_000, 8_000] as const;
const RETRIED_STATUS: readonly number[] = [429, 502, 503, 504];
const RETRIED_CODES: readonly string[] = ['UNAVAILABLE', 'RATE_LIMITED'];

const ACCOUNT = `query ImportAccount($id: ID, $externalId: String) {
  account(id: $id, externalId: $externalId) { id timeZone }
}`;
const REGISTER = `mutation ImportRegister($accountId: ID, $resources: [RegisterAnyInput!]!) {
  registerResources(accountId: $accountId, resources: $resources)
}`;
const REGISTER_MODEL = `mutation ImportModel($input: RegisterModelInput!) { registerModel(input: $input) { id } }`;
const RECORD_USAGE = `mutation ImportUsage($accountId: ID, $events: [UsageEventInput!]!) {
  answer: recordUsage(accountId: $accountId, events: $events) { accepted results { index outcome code message } }
}`;
const RECORD_HOSTING = `mutation ImportHosting($accountId: ID, $events: [HostingPeriodInput!]!) {
  answer: recordHosting(accountId: $accountId, periods: $events) { accepted results { index outcome code message } }
}`;

export class GatewayClient {
  constructor(private readonly options: ClientOptions) {}

  /** The id of an account, for an operator's key. @throws ImportStopped when there is no such account */
  async accountId(externalId: string): Promise<string> {
    const id = member(await this.account({ externalId }), 'id');
    if (typeof id === 'string') return id;
    throw new ImportStopped(`The gateway has no account with the external id "${externalId}".`);
  }

  /** The zone of an account; without an id, of the key's own. @throws ImportStopped, also when the key may not read it */
  async timeZone(id: string | null): Promise<string> {
    const zone = member(await this.account({ id }), 'timeZone');
    if (typeof zone === 'string') return zone;
    throw new ImportStopped('The gateway has no such account.');
  }

  private async account(named: object): Promise<unknown> {
    return member(await this.call(ACCOUNT, named), 'account');
  }

  /** Registers resources (at most 5,000) in one call and models one by one. @throws ImportStopped */
  async register(accountId: string | null, registrations: readonly Registration[]): Promise<void> {
    const resources = registrations.filter(({ isModel }) => !isModel).map(({ input }) => input);
    if (resources.length > 0) await this.call(REGISTER, { accountId, resources });
    for (const { input } of registrations.filter(({ isModel }) => isModel)) {
      await this.call(REGISTER_MODEL, { input: { accountId, ...input } });
    }
  }

  /** Sends at most 5,000 events or periods in one call. @throws ImportStopped */
  async record(
    as: 'usage' | 'hosting',
    accountId: string | null,
    events: readonly InputObject[],
  ): Promise<RecordAnswer> {
    const query = as === 'usage' ? RECORD_USAGE : RECORD_HOSTING;
    return recordAnswer(member(await this.call(query, { accountId, events }), 'answer'));
  }

  private async call(query: string, variables: object): Promise<unknown> {
    const body = JSON.stringify({ query, variables });
    let failure = await this.attempt(body);
    for (const delayMs of this.options.retryDelaysMs) {
      if (!failure.isPassing) break;
      await sleep(Math.max(delayMs, failure.retryAfterMs ?? 0));
      failure = await this.attempt(body);
    }
    if (failure.isPassing) {
      throw new ImportStopped(
        `The gateway at ${this.options.url} did not answer (${failure.reason}). What it answered before is recorded; ` +
          'run the same command again: it goes on, and nothing is counted twice.',
      );
    }
    if (failure.reason !== null) {
      throw new ImportStopped(`The gateway refused the call: ${failure.reason}`);
    }
    return failure.answered;
  }

  private async attempt(body: string): Promise<Attempt> {
    try {
      const response = await fetch(this.options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${this.options.key}`,
        },
        body,
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      const text = await response.text();
      if (RETRIED_STATUS.includes(response.status)) {
        const seconds = Number(response.headers.get('retry-after') ?? 0);
        return passing(`status ${response.status}`, seconds > 0 ? seconds * 1_000 : 0);
      }
      return attemptOf(response.status, text);
    } catch (error) {
      return passing(reasonOf(error));
    }
  }
}

/** How one request ended: with an answer, a final refusal, or a failure that may be temporary. */
interface Attempt {
  readonly isPassing: boolean;
  readonly reason: string | null;
  readonly answered: unknown;
  /** How long the gateway asks to wait; left out when it does not say. */
  readonly retryAfterMs?: number;
}

function passing(reason: string, retryAfterMs = 0): Attempt {
  return { isPassing: true, reason, answered: null, retryAfterMs };
}

function attemptOf(status: number, text: string): Attempt {
  const body = parseJson(text);
  const errors = member(body, 'errors');
  const error: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const code = textOf(member(member(error, 'extensions'), 'code'));
  if (error !== undefined) {
    const reason = `${textOf(member(error, 'message'))} (${code})`;
    return { isPassing: RETRIED_CODES.includes(code), reason, answered: null };
  }
  const answered = member(body, 'data');
  if (answered !== undefined && answered !== null) {
    return { isPassing: false, reason: null, answered };
  }
  const reason = `status ${status} without a GraphQL answer; is --url right?`;
  return { isPassing: false, reason, answered: null };
}

function recordAnswer(answer: unknown): RecordAnswer {
  const accepted = member(answer, 'accepted');
  const results = member(answer, 'results');
  if (typeof accepted !== 'number' || !Array.isArray(results)) {
    throw new ImportStopped('The gateway answered in a form that this version does not know.');
  }
  return {
    accepted,
    results: results.map((result: unknown) => ({
      index: Number(member(result, 'index')),
      outcome: textOf(member(result, 'outcome')),
      code: textOf(member(result, 'code')),
      message: textOf(member(result, 'message')),
    })),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function reasonOf(error: unknown): string {
  const message = messageOf(error);
  // fetch says only "fetch failed"; the reason is the error's cause.
  const isCaused = typeof error === 'object' && error !== null && 'cause' in error;
  return isCaused ? `${message}: ${messageOf(error.cause)}` : message;
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}
