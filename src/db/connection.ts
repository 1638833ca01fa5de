// A connection to the database that never waits without end. On a link that falls silent, connections stay open and never
// answer. The server's own timeouts do not arrive then, so each statement has a timeout on this side too.

import pg from 'pg';
import { forgetPrepared, isStale, PreparedStatements } from './prepared.ts';
import {
  type GroupResult,
  type ParserOf,
  type Statement,
  StatementGroup,
} from './statement-group.ts';

const STATEMENT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 2_000;
// After it the server frees the locks of a transaction whose link fell silent.
const IDLE_TIMEOUT_MS = 8_000;
/** How much longer than the server's statement timeout we wait for the answer. */
const ANSWER_LATER_MS = 1_000;
const END_WITHIN_MS = 1_000;
export const CONNECT_WITHIN_MS = 5_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/** What a session acts as: billing_gateway sees the rows of one account at a time, billing_operator those of all. */
export type Role = 'billing_gateway' | 'billing_operator';

/** The settings of a session of a role, as libpq's `options`. @param more "jit=off" */
export function sessionOptions(role: Role, more: readonly string[] = []): string {
  return [
    `role=${role}`,
    `statement_timeout=${STATEMENT_TIMEOUT_MS}`,
    `lock_timeout=${LOCK_TIMEOUT_MS}`,
    `idle_in_transaction_session_timeout=${IDLE_TIMEOUT_MS}`,
    // A statement whose gateway has gone, or has given it up, ends with its connection.
    'client_connection_check_interval=1000',
    'timezone=UTC',
    ...more,
  ]
    .map((setting) => `-c ${setting}`)
    .join(' ');
}

/** When the latest statement that was never answered was sent, by server: a slow replica says nothing of the database. */
const silentFromMs = new Map<string, number>();

type Call = (...args: unknown[]) => unknown;

export interface ConnectionConfig extends pg.ClientConfig {
  /** Whether the server keeps statements prepared that are sent again and again; default: it does. */
  readonly prepares?: boolean;
}

/** A connection that is closed when a statement is not answered in time, and never used again. */
export class Connection extends pg.Client {
  private answeredAtMs = performance.now();
  private statementsTakeMs = STATEMENT_TIMEOUT_MS;
  private readonly prepared: PreparedStatements;
  private readonly submit: (group: StatementGroup) => void;

  constructor({ prepares = true, ...config }: ConnectionConfig = {}) {
    super({
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      ...config,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    });
    // These methods can be called in several ways; each ends in a promise or a callback.
    const connect = this.connect.bind(this) as Call;
    const query = this.query.bind(this) as Call;
    const end = this.end.bind(this) as Call;
    this.submit = query;
    this.prepared = new PreparedStatements(prepares);
    Object.assign(this, {
      // A client that is ended while it connects tells nobody.
      connect: (...args: unknown[]) =>
        args.length > 0 ? connect(...args) : Promise.race([connect(), this.endOf()]),
      query: (...args: unknown[]) => this.watched(query, args),
      end: (...args: unknown[]) => {
        setTimeout(() => this.connection.stream.destroy(), END_WITHIN_MS).unref();
        return end(...args);
      },
    });
  }

  private get server(): string {
    return `${this.host}:${this.port}`;
  }

  /** Whether it may be dead: another connection to its server fell silent, and this one has not answered since. */
  get isSuspect(): boolean {
    return this.answeredAtMs < (silentFromMs.get(this.server) ?? -Infinity);
  }

  /** Sets how long to wait for answers. The caller sets the server's statement timeout to match. */
  expectWithin(statementsTakeMs = STATEMENT_TIMEOUT_MS): void {
    this.statementsTakeMs = statementsTakeMs;
  }

  /** Sends statements together. Nothing else may be sent until they are answered. */
  async run(statements: readonly Statement[]): Promise<GroupResult> {
    const watch = this.watch();
    try {
      const parserOf = this.getTypeParser.bind(this) as ParserOf;
      const group = new StatementGroup(statements, this.prepared, parserOf, watch.answered);
      this.submit(group);
      const result = await group.result;
      if (isStale(result.error)) forgetPrepared();
      return result;
    } finally {
      watch.end();
    }
  }

  /** @throws Error when the connection ends */
  private endOf(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.once('end', () => {
        reject(new Error('The connection has ended.'));
      });
    });
  }

  private watched(query: Call, args: readonly unknown[]): unknown {
    const watch = this.watch();
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      return query(...args.slice(0, -1), (...answer: unknown[]) => {
        watch.end();
        (callback as Call)(...answer);
      });
    }
    const answer = query(...args);
    if (answer instanceof Promise) answer.then(watch.end, watch.end);
    return answer;
  }

  /** Closes the connection unless each answer comes in time: `answered` tells of one, `end` of the last. */
  private watch(): { readonly answered: () => void; readonly end: () => void } {
    let sentAtMs = performance.now();
    let isOver = false;
    const timer = setTimeout(() => {
      // After this process was busy for long, the answer may have arrived but not been read. It is read before this runs.
      const silentSinceMs = sentAtMs;
      setImmediate(() => {
        if (isOver || sentAtMs > silentSinceMs) return;
        const knownMs = silentFromMs.get(this.server) ?? -Infinity;
        silentFromMs.set(this.server, Math.max(knownMs, sentAtMs));
        void this.end();
      });
    }, this.statementsTakeMs + ANSWER_LATER_MS);
    const answered = (): void => {
      this.answeredAtMs = performance.now();
      sentAtMs = this.answeredAtMs;
      if (!isOver) timer.refresh();
    };
    return {
      answered,
      end: () => {
        isOver = true;
        clearTimeout(timer);
        answered();
      },
    };
  }
}
