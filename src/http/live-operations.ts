// Operations by WebSocket or SSE. They have the same limits as those by HTTP, and are run by graphql-js (which
// supports subscriptions, unlike graphql-jit). Every event is resolved in a separate context and snapshot.

import {
  createSourceEventStream,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  OperationTypeNode,
} from 'graphql';
import { type GatewayError, invariant } from '../core/errors.ts';
import type { Actor } from '../core/identity.ts';
import type { DocumentRequest } from '../graphql/documents.ts';
import { errorFormatter, type FaultListener } from '../graphql/format-errors.ts';
import type { Overload } from './overload.ts';
import type { OperationCost } from './rates.ts';
import type { ReadOperation } from './read-operation.ts';
import type { ReadPositions } from './read-positions.ts';
import { Answer, SharedAnswers } from './shared-answers.ts';

/** What the resolvers of one operation or event share; released when the answer is complete. */
export interface LiveContext {
  dispose(): Promise<void>;
}

export interface OperationDeps {
  readonly schema: GraphQLSchema;
  /** @param onSlow called when the caller does not read its events */
  readonly createContext: (actor: Actor, onSlow: () => void) => LiveContext;
  readonly onFault: FaultListener;
  /** A subscription costs once, when it begins. */
  readonly readOperation: ReadOperation;
  readonly overload: Overload;
  /** Null: there is no read replica. */
  readonly positions: ReadPositions | null;
}

/** The caller at the other end of a connection, with its running subscriptions. */
export class Caller {
  private readonly streams = new Set<ResultStream>();

  constructor(
    readonly actor: Actor,
    readonly onSlow: () => void,
  ) {}

  follow(stream: ResultStream): void {
    this.streams.add(stream);
  }

  forget(stream: ResultStream): void {
    this.streams.delete(stream);
  }

  /** Ends all its subscriptions, each with a last result. */
  endWith(result: ExecutionResult): void {
    for (const stream of this.streams) stream.endWith(result);
  }
}

/** The context of an operation in the protocols' libraries. */
export type OperationContext = Record<'caller', Caller>;

/** An operation that was read, and whose points were taken. The protocols' libraries hand it on as it is. */
export interface PreparedOperation extends ExecutionArgs {
  readonly cost: OperationCost;
  readonly type: OperationTypeNode;
}

export class LiveOperations {
  private readonly format: ReturnType<typeof errorFormatter>;
  private readonly answers = new SharedAnswers();

  constructor(private readonly deps: OperationDeps) {
    this.format = errorFormatter(deps.onFault);
  }

  /** The arguments to execute, or the errors of the request. @throws RATE_LIMITED, UNAVAILABLE */
  async prepare(
    caller: Caller,
    request: DocumentRequest,
  ): Promise<PreparedOperation | readonly GraphQLError[]> {
    const { schema, readOperation, overload } = this.deps;
    const judged = await readOperation(request, {
      actor: caller.actor,
      admit: ({ type, cost }) => {
        overload.require({ type, points: cost });
      },
    });
    if ('errors' in judged) return judged.errors.map((error) => this.shown(error));
    const { read, cost } = judged;
    return {
      cost,
      type: read.type,
      schema,
      document: read.document,
      operationName: request.operationName ?? null,
      variableValues: { ...request.variables },
      contextValue: { caller } satisfies OperationContext,
    };
  }

  /** Runs a query or a mutation. Its result says what it cost. */
  async execute(args: ExecutionArgs): Promise<ExecutionResult> {
    const end = this.deps.overload.begin();
    try {
      const result = withCost(await this.run(args), args);
      // By HTTP it reads after this, at this gateway.
      if (preparedOf(args).type === OperationTypeNode.MUTATION) {
        await this.deps.positions?.wrote(callerOf(args).actor);
      }
      return result;
    } finally {
      end();
    }
  }

  private async run(args: ExecutionArgs): Promise<ExecutionResult> {
    const result = await this.inContext(callerOf(args), (contextValue) =>
      execute({ ...args, contextValue }),
    );
    return this.shownResult(result);
  }

  /** Runs a subscription. It costs once, so the first of its results says what. */
  async subscribe(args: ExecutionArgs): Promise<ResultStream | ExecutionResult> {
    const caller = callerOf(args);
    const source = await this.inContext(caller, (contextValue) =>
      createSourceEventStream({ ...args, contextValue }),
    );
    if (!isStream(source)) return withCost(this.shownResult(source), args);
    const sharedName = this.answers.nameOf(args);
    let isFirst = true;
    const stream = new ResultStream(source[Symbol.asyncIterator](), {
      resolve: async (event) => {
        const run = async (): Promise<Answer> =>
          new Answer(await this.run({ ...args, rootValue: event }));
        const answer = await (sharedName === null
          ? run()
          : this.answers.of(event, sharedName, run));
        if (!isFirst) return answer;
        isFirst = false;
        return new Answer(withCost(answer.result, args));
      },
      onEnd: () => {
        caller.forget(stream);
      },
    });
    caller.follow(stream);
    return stream;
  }

  /** A GraphQL error for an error of ours. */
  refusal(error: GatewayError): GraphQLError {
    return this.shown(new GraphQLError(error.message, { originalError: error }));
  }

  private shownResult(result: ExecutionResult): ExecutionResult {
    if (result.errors === undefined) return result;
    return { ...result, errors: result.errors.map((error) => this.shown(error)) };
  }

  private shown(error: GraphQLError): GraphQLError {
    return new ShownError(this.format(error.toJSON(), error));
  }

  private async inContext<T>(
    { actor, onSlow }: Caller,
    run: (context: LiveContext) => T | Promise<T>,
  ): Promise<T> {
    const context = this.deps.createContext(actor, onSlow);
    try {
      return await run(context);
    } finally {
      await context.dispose();
    }
  }
}

/** An error as callers see it, whichever protocol prints it. */
class ShownError extends GraphQLError {
  constructor(private readonly formatted: GraphQLFormattedError) {
    super(formatted.message);
  }

  override toJSON(): GraphQLFormattedError {
    return this.formatted;
  }
}

interface ResultStreamDeps {
  readonly resolve: (event: unknown) => Promise<Answer>;
  readonly onEnd: () => void;
}

/** The results of a subscription's events. `return()` ends it at once, even while it waits for an event. */
export class ResultStream implements AsyncGenerator<ExecutionResult, undefined, undefined> {
  private last: ExecutionResult | null = null;

  constructor(
    private readonly source: AsyncIterator<unknown>,
    private readonly deps: ResultStreamDeps,
  ) {}

  endWith(result: ExecutionResult): void {
    this.last = result;
    void this.source.return?.();
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    const answer = await this.nextAnswer();
    return answer === null
      ? { done: true, value: undefined }
      : { done: false, value: answer.result };
  }

  /**
   * Sends all its results until it ends, each when the one before was sent.
   * @returns a stream that has none, for a protocol's library: it ends with this one, and `return()` ends both
   */
  sentBy(send: (json: string) => Promise<void>): AsyncGenerator<never, undefined, undefined> {
    return new SentStream(this, send);
  }

  /** The next result; null: it has ended. */
  async nextAnswer(): Promise<Answer | null> {
    const taken: IteratorResult<unknown, unknown> = await this.source.next();
    if (taken.done !== true) return this.deps.resolve(taken.value);
    const { last } = this;
    this.last = null;
    this.deps.onEnd();
    return last === null ? null : new Answer(last);
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.source.return?.();
    this.deps.onEnd();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

class SentStream implements AsyncGenerator<never, undefined, undefined> {
  constructor(
    private readonly results: ResultStream,
    private readonly send: (json: string) => Promise<void>,
  ) {}

  async next(): Promise<IteratorReturnResult<undefined>> {
    try {
      for (;;) {
        const answer = await this.results.nextAnswer();
        if (answer === null) return { done: true, value: undefined };
        await this.send(answer.json);
      }
    } catch (error) {
      // Nobody calls return() after next() has failed: the source would be read no more, but never end.
      await this.results.return();
      throw error;
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.results.return();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

function withCost(result: ExecutionResult, args: ExecutionArgs): ExecutionResult {
  return { ...result, extensions: { ...result.extensions, cost: preparedOf(args).cost } };
}

function preparedOf(args: ExecutionArgs): ExecutionArgs & Pick<PreparedOperation, 'cost' | 'type'> {
  invariant(isPrepared(args), 'operations are prepared before they run');
  return args;
}

function isPrepared(args: ExecutionArgs): args is PreparedOperation {
  return 'cost' in args && 'type' in args;
}

function callerOf({ contextValue }: ExecutionArgs): Caller {
  const hasCaller =
    typeof contextValue === 'object' && contextValue !== null && 'caller' in contextValue;
  invariant(hasCaller, 'operations are run for a caller');
  invariant(contextValue.caller instanceof Caller, 'operations are run for a caller');
  return contextValue.caller;
}

function isStream(
  result: AsyncIterable<unknown> | ExecutionResult,
): result is AsyncIterable<unknown> {
  return Symbol.asyncIterator in result;
}
