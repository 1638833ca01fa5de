// How the driver calls gateways: by any of them, in writing, and never sure of more than what was answered.

import { SystemClock } from '../../src/core/clock.ts';
import { post } from '../support/post.ts';
import type { Operation } from '@billing-gateway/client/operations';
import type { History, Outcome } from './history.ts';
import type { Violations } from './violations.ts';

/** So long an answer is waited for: longer than a gateway may take. */
const ANSWER_WITHIN_MS = 20_000;
/** Of this machine, on which the database runs too. */
export const clock = new SystemClock();
/** After these nobody knows, or nothing was judged: the same call has to be sent again. */
const PASSING = new Set(['UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR']);

export type Reply<T> =
  | { readonly outcome: 'OK'; readonly data: T }
  | { readonly outcome: Exclude<Outcome, 'OK'>; readonly code: string };

/** What is sent: a path and a body. */
export interface Request {
  readonly what: string;
  readonly path: '/graphql' | `/v1/events${string}`;
  readonly body: unknown;
}

export interface CallerDeps {
  /** Where the next call goes. */
  readonly origin: () => string;
  readonly key: string;
  readonly history: History;
  readonly violations: Violations;
  /** How long it waits before it sends again. */
  readonly pauseMs: number;
}

export class Caller {
  /** How the calls came out. */
  readonly counted: Record<Outcome, number> = { OK: 0, REFUSED: 0, UNKNOWN: 0 };
  private calls = 0;

  constructor(private readonly deps: CallerDeps) {}

  /** Sends an operation once. */
  async operation<TData, TVariables>(
    document: Operation<TData, TVariables>,
    variables: TVariables,
  ): Promise<Reply<TData>> {
    const body = { query: document.text, variables };
    return this.send<TData>({ what: document.name, path: '/graphql', body });
  }

  /** Sends an operation until it is known how it came out. */
  async untilKnown<TData, TVariables>(
    document: Operation<TData, TVariables>,
    variables: TVariables,
  ): Promise<Exclude<Reply<TData>, { readonly outcome: 'UNKNOWN' }>> {
    for (;;) {
      const reply = await this.operation(document, variables);
      if (reply.outcome === 'OK') return reply;
      if (reply.outcome === 'REFUSED') return { ...reply, outcome: 'REFUSED' };
    }
  }

  /** As `untilKnown`, for what is never refused. @throws Error with the code when it is */
  async ask<TData, TVariables>(
    document: Operation<TData, TVariables>,
    variables: TVariables,
  ): Promise<TData> {
    const reply = await this.untilKnown(document, variables);
    if (reply.outcome === 'OK') return reply.data;
    throw new Error(`${document.name} was refused: ${reply.code}`);
  }

  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.deps.pauseMs));
  }

  /** Sends a request once. */
  async send<T>(request: Request): Promise<Reply<T>> {
    this.calls += 1;
    const call = this.calls;
    const { history } = this.deps;
    await history.write({ call, at: clock.nowMs(), sent: request.what, body: request.body });
    const reply = await this.replyTo<T>(request);
    const code = reply.outcome === 'OK' ? undefined : reply.code;
    await history.write({ call, at: clock.nowMs(), outcome: reply.outcome, code });
    this.counted[reply.outcome] += 1;
    if (code === 'INTERNAL_SERVER_ERROR') {
      this.deps.violations.add('no answer is an internal error', `call ${call}, ${request.what}`);
    }
    if (reply.outcome === 'UNKNOWN') await this.pause();
    return reply;
  }

  private async replyTo<T>({ path, body }: Request): Promise<Reply<T>> {
    const { key } = this.deps;
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    try {
      const response = await post(this.deps.origin(), path, { body, key, signal });
      const answer = (await response.json()) as Answer;
      if (response.ok && answer.errors === undefined) {
        return { outcome: 'OK', data: (path === '/graphql' ? answer.data : answer) as T };
      }
      const code = codeOf(answer) ?? String(response.status);
      const isPassing = PASSING.has(code) || response.status >= 500;
      return { outcome: isPassing ? 'UNKNOWN' : 'REFUSED', code };
    } catch (error) {
      return { outcome: 'UNKNOWN', code: error instanceof Error ? error.name : String(error) };
    }
  }
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
}

function codeOf({ errors }: Answer): string | undefined {
  return errors?.[0]?.extensions?.code;
}
