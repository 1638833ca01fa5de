// The way to one gateway by HTTP: its address, the key, requests with a time limit, and sending again where that is safe.

import { failureOf, GatewayError } from './errors.ts';
import { backoffMs, pause } from './wait.ts';

const TIMEOUT_MS = 60_000;
const ATTEMPTS = 6;
const WAIT_MOST_MS = 8_000;
/** Who is asked to wait longer than that is told so, and decides. */
const RETRY_AFTER_MOST_SECONDS = 120;

export interface ConnectionOptions {
  /** The gateway's address, like https://billing.example.com; with or without /graphql. */
  readonly url: string;
  /**
   * An API key, a portal token or a JWT. A function is asked for it at each call and each connection, so that it can hand out a new
   * token before the old one ends. When the gateway refuses a token, the function is asked once more.
   */
  readonly key: string | (() => string | Promise<string>);
  /** How long one attempt may take, in milliseconds; 60,000 by default. */
  readonly timeoutMs?: number;
  /** How often a call is sent at most, where sending it again is safe; 6 by default, 1 sends nothing again. */
  readonly attempts?: number;
  /** Instead of the global one: through a proxy, or in a test. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface CallOptions {
  /** Ends the call, with a GatewayError of the code ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the gateway's: how long one attempt may take, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether the call may be sent again when nobody knows what became of it: after a lost connection, no answer in time, or
   * UNAVAILABLE. By default reads are, and the mutations of which the gateway knows that it had them: those with an
   * idempotency key, or an identity of the caller's own.
   */
  readonly retry?: boolean | undefined;
}

export interface Sent extends CallOptions {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a write is answered with, and what a read may be asked with: it includes the write then, whichever gateway answers. */
const POSITION_HEADER = 'x-read-after';

/** What is needed to call one gateway. */
export class Connection {
  /** Without a slash at its end: paths such as /graphql follow. */
  readonly base: string;
  /** That of the latest write; where there is no read replica, there is none. */
  private position: string | null = null;

  /** @throws TypeError when the address is none */
  constructor(private readonly options: ConnectionOptions) {
    if (!/^https?:\/\//.test(options.url)) {
      throw new TypeError(`url is "${options.url}"; it must begin with http:// or https://.`);
    }
    this.base = options.url.replace(/\/+$/, '').replace(/\/graphql$/, '');
  }

  /** The key as it is now. */
  async key(): Promise<string> {
    const { key } = this.options;
    return typeof key === 'string' ? key : key();
  }

  /**
   * Calls a path, again where that is safe, and hands each answer to `read`, which counts for the time limit too.
   * `read` throws a GatewayError for an answer that is a failure.
   * @throws GatewayError whatever goes wrong
   */
  async call<T>(path: string, sent: Sent, read: (response: Response) => Promise<T>): Promise<T> {
    const attempts = this.options.attempts ?? ATTEMPTS;
    let isRenewable = typeof this.options.key === 'function';
    for (let failures = 1; ; failures += 1) {
      try {
        const key = await this.key();
        return await this.attempt(path, { ...sent, key }, read);
      } catch (thrown) {
        const error = failureOf(thrown, `Calling ${this.base}${path}`);
        if (error.code === 'UNAUTHENTICATED' && isRenewable) {
          isRenewable = false;
          continue;
        }
        if (failures >= attempts || !isPassing(error, sent.retry ?? false)) throw error;
        await pause(backoffMs(failures, WAIT_MOST_MS, error.retryAfterSeconds), sent.signal);
        throwIfAborted(sent.signal);
      }
    }
  }

  // Answers may overtake each other.
  private keepPosition(told: string | null): void {
    if (told !== null && (this.position === null || placeOf(told) > placeOf(this.position))) {
      this.position = told;
    }
  }

  private async attempt<T>(
    path: string,
    { method, headers, body, signal, timeoutMs, key }: Sent & { readonly key: string },
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    const limitMs = timeoutMs ?? this.options.timeoutMs ?? TIMEOUT_MS;
    const ended = new AbortController();
    const end = (): void => {
      ended.abort();
    };
    signal?.addEventListener('abort', end);
    const timer = setTimeout(end, limitMs);
    try {
      const response = await (this.options.fetch ?? fetch)(`${this.base}${path}`, {
        method,
        headers: {
          ...headers,
          ...(this.position === null ? {} : { [POSITION_HEADER]: this.position }),
          authorization: `Bearer ${key}`,
        },
        signal: ended.signal,
        ...(body === undefined ? {} : { body }),
      });
      this.keepPosition(response.headers.get(POSITION_HEADER));
      return await read(response);
    } catch (thrown) {
      throwIfAborted(signal);
      if (!ended.signal.aborted) throw thrown;
      throw new GatewayError(
        'TIMEOUT',
        `The gateway at ${this.base} did not answer within ${limitMs} ms.`,
        { cause: thrown },
      );
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    }
  }
}

/** Of a position such as "0/16B3748": two numbers of 32 bits. */
function placeOf(position: string): bigint {
  const [high = '', low = ''] = position.split('/');
  return BigInt(`0x${high}${low.padStart(8, '0')}`);
}

/** How long the gateway asks to wait, of the header; undefined when it does not say. */
export function retryAfterOf({ headers }: Response): number | undefined {
  const text = headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** @throws GatewayError once the signal has ended what it belongs to */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new GatewayError('ABORTED', 'The call was ended by its signal.', { cause: signal.reason });
}

// What is refused for its rate did not run, so that anything may be sent again.
function isPassing({ code, retryAfterSeconds }: GatewayError, isRepeatable: boolean): boolean {
  if ((retryAfterSeconds ?? 0) > RETRY_AFTER_MOST_SECONDS) return false;
  if (code === 'RATE_LIMITED') return true;
  return isRepeatable && (code === 'UNAVAILABLE' || code === 'NETWORK' || code === 'TIMEOUT');
}
