// graphql-jit runs operations: a query is compiled once and then runs as plain code, about twice as fast as graphql-js executes it.
// Lists of plain rows are written as text besides (graphql/written-rows.ts).

import {
  type DocumentNode,
  type ExecutionResult,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import { present, UserInputError } from '../core/errors.ts';
import { measureOperation } from '../graphql/query-size.ts';
import { AnsweredLaterError } from '../graphql/row-writer.ts';
import { whyUnwritten, withWrittenRows } from '../graphql/written-rows.ts';

const COMPILED_MAX = 1_000;
/** Of all compiled operations together; each takes up to 4 kB. */
const COMPILED_SELECTIONS_MAX = 40_000;
const VARIABLE_ERRORS_MAX = 50;

/** A valid operation of a document, and what it is asked with. */
export interface AskedOperation {
  /** The SHA-256 of the document's text. */
  readonly hash: string;
  /** Null: it has none, and is the only one of its document. */
  readonly name: string | null;
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A context with something to release when the answer is complete. */
interface Disposable {
  dispose(): Promise<void>;
}

/** A context that knows whether what was read in it is lost, so that the operation is to run again. */
interface Restartable {
  restart(): Promise<boolean>;
}

/** The operations that were asked for last, compiled. */
export class Operations {
  private readonly compiled: LRUCache<string, Compiled>;

  /** @param writesRows false: as a test's other way to the same answers */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly writesRows = true,
  ) {
    this.compiled = new LRUCache({ max: COMPILED_MAX, maxSize: COMPILED_SELECTIONS_MAX });
  }

  /** Whether it ran before, and is still compiled. */
  knows(asked: Pick<AskedOperation, 'hash' | 'name'>): boolean {
    return this.compiled.has(keyOf(asked));
  }

  /** The answer, after which the context is let go. Rows in it may be text: `printAnswer` prints it. */
  async run(asked: AskedOperation, context: object): Promise<ExecutionResult> {
    try {
      const compiled = this.compiledOf(asked);
      const answer = await compiled.run(asked.variables, context);
      // A read replica was lost on the way.
      const isLost = isRestartable(context) && (await context.restart());
      return isLost ? await compiled.run(asked.variables, context) : answer;
    } finally {
      if (isDisposable(context)) await context.dispose();
    }
  }

  private compiledOf(asked: AskedOperation): Compiled {
    const key = keyOf(asked);
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const { document, name } = asked;
    const operation = present(getOperationAST(document, name), 'the operation was found before');
    const made = new Compiled(this.schema, { document, operation, writesRows: this.writesRows });
    const { selections } = measureOperation({ schema: this.schema, document, operation }, {});
    this.compiled.set(key, made, { size: selections });
    return made;
  }
}

function keyOf({ hash, name }: Pick<AskedOperation, 'hash' | 'name'>): string {
  return `${hash}.${name ?? ''}`;
}

class Compiled {
  /** Null: no list of the operation can be written. */
  private writing: CompiledQuery | null;
  private plain: CompiledQuery | ExecutionResult | undefined;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly of: {
      readonly document: DocumentNode;
      readonly operation: OperationDefinitionNode;
      readonly writesRows: boolean;
    },
  ) {
    this.writing = this.compileWriting();
  }

  async run(variables: AskedOperation['variables'], context: object): Promise<ExecutionResult> {
    if (this.of.operation.operation === OperationTypeNode.SUBSCRIPTION) {
      return { errors: [notHere()] };
    }
    const written = (await this.writing?.query({}, context, variables)) ?? null;
    const why = written === null ? null : whyUnwritten(written);
    // It would do the same again.
    if (why instanceof AnsweredLaterError) this.writing = null;
    if (written !== null && why === null) return this.worded(written, variables);
    this.plain ??= this.compile(this.of.document);
    if (!isCompiledQuery(this.plain)) return this.plain;
    return this.worded(await this.plain.query({}, context, variables), variables);
  }

  // What cannot be written is asked for again, so this is for queries alone.
  private compileWriting(): CompiledQuery | null {
    const { document, operation, writesRows } = this.of;
    if (!writesRows || operation.operation !== OperationTypeNode.QUERY) return null;
    const writing = withWrittenRows(this.schema, document, operation);
    const compiled = writing === null ? null : this.compile(writing);
    return compiled !== null && isCompiledQuery(compiled) ? compiled : null;
  }

  // graphql-jit keeps fields in plain objects and fails on names that every object has; nobody needs such an alias.
  private compile(document: DocumentNode): CompiledQuery | ExecutionResult {
    const inherited: string[] = [];
    visit(document, {
      Field: ({ name, alias }) => {
        const responseName = alias?.value ?? name.value;
        if (responseName in Object.prototype) inherited.push(responseName);
      },
    });
    if (inherited[0] !== undefined) {
      const refusal = new UserInputError(
        `"${inherited[0]}" cannot be the name of a field in an answer.`,
      );
      return { errors: [new GraphQLError(refusal.message, { originalError: refusal })] };
    }
    return compileQuery(this.schema, document, this.of.operation.name?.value, {
      useExperimentalPathBasedSkipInclude: true,
    });
  }

  private worded(result: ExecutionResult, variables: AskedOperation['variables']): ExecutionResult {
    if (result.errors === undefined) return result;
    const answer = located(result);
    return answer.data === undefined ? this.refusedVariables(variables, answer) : answer;
  }

  // graphql-jit names only the field of an invalid variable; graphql-js also its place: "events[17].credits".
  private refusedVariables(
    variables: AskedOperation['variables'],
    answer: ExecutionResult,
  ): ExecutionResult {
    const { variableDefinitions = [] } = this.of.operation;
    const coerced = getVariableValues(this.schema, variableDefinitions, variables, {
      maxErrors: VARIABLE_ERRORS_MAX,
    });
    return coerced.errors === undefined ? answer : { errors: coerced.errors };
  }
}

function notHere(): GraphQLError {
  const originalError = new UserInputError(
    'Subscriptions come by WebSocket at /graphql (graphql-transport-ws) or by SSE at /graphql/stream.',
  );
  return new GraphQLError(originalError.message, { originalError });
}

// graphql-jit's errors lack `extensions`, which Apollo expects.
function located(result: ExecutionResult): ExecutionResult {
  const errors = result.errors?.map(({ message, locations, path, originalError }) => {
    const error = new GraphQLError(message, {
      path: path ?? null,
      originalError: originalError ?? null,
    });
    Object.defineProperty(error, 'locations', {
      value: locations,
      enumerable: locations !== undefined,
    });
    return error;
  });
  return { ...result, ...(errors === undefined ? {} : { errors }) };
}

function isDisposable(context: object): context is Disposable {
  return 'dispose' in context && typeof context.dispose === 'function';
}

function isRestartable(context: object): context is Restartable {
  return 'restart' in context && typeof context.restart === 'function';
}
