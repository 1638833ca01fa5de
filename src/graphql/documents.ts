// All transports read their documents here, in this order: parsed, judged by their size, validated. What is too large is refused
// before anything walks it in full, and nothing that was refused is compiled or run.

import { hash as digestOf } from 'node:crypto';
import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  Lexer,
  locatedError,
  type OperationTypeNode,
  Source,
  specifiedRules,
  TokenKind,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import {
  type ErrorPath,
  QueryTooCostlyError,
  UntrustedDocumentError,
  UserInputError,
} from '../core/errors.ts';
import { parseOnce, printPath } from './argument-path.ts';
import { Judgements } from './judgements.ts';
import { measureOperation, type QuerySize } from './query-size.ts';
import { repeatsIn } from './repeats.ts';

/** How large an operation may be, with its fragments written out; tokens of the whole document. */
export const QUERY_LIMITS = {
  /** Of the text, as many as a frame of a socket holds. */
  characters: 65_536,
  tokens: 2_000,
  depth: 12,
  /** The usual introspection query has 15. */
  introspectionDepth: 20,
  /** Each costs up to a tenth of a millisecond to compile, and 4 kB to keep. */
  selections: 2_000,
  aliases: 30,
  directives: 20,
  rootFields: 20,
  /** Pairs of fields at one place in the answer: of 200 equal fields. */
  repeats: 20_000,
  /** Twice what the dearest operation under schema/operations costs. */
  cost: 40_000,
} as const;

const JUDGED = [
  'depth',
  'introspectionDepth',
  'aliases',
  'directives',
  'rootFields',
  'selections',
  'cost',
] as const;
/** Items of a list in a variable; more than any field takes. */
const LIST_MAX = 10_000;
/** Inputs within inputs that are looked at; more than any field takes. */
const INPUTS_DEEP_MAX = 4;
const ERRORS_MAX = 10;
const KEPT_MAX = 2_000;
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** What a token takes of memory, with its part of the document. */
const TOKEN_BYTES = 500;

/** Documents by the SHA-256 of their text. */
export type TrustedDocuments = ReadonlyMap<string, string>;

/**
 * Reads a manifest of trusted documents: `{ "<sha256>": "<document>" }`, as `npm run codegen` writes it.
 * @returns null when it is none, or when a document has another hash
 */
export function parseTrustedDocuments(json: string): TrustedDocuments | null {
  const manifest: unknown = JSON.parse(json);
  if (typeof manifest !== 'object' || manifest === null) return null;
  const entries = Object.entries(manifest) as readonly (readonly [string, unknown])[];
  const isTrue = entries.every(([hash, text]) => typeof text === 'string' && hashOf(text) === hash);
  return isTrue && entries.length > 0 ? new Map(entries as readonly [string, string][]) : null;
}

export interface DocumentRequest {
  /** The document's text; it may be left out where `extensions` name a trusted document. */
  readonly query?: string | null | undefined;
  readonly extensions?: unknown;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** A document that may be run, and what was asked of it. */
export interface ReadDocument {
  readonly document: DocumentNode;
  readonly text: string;
  /** The text's SHA-256. */
  readonly hash: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Of the operation that is asked for: what it does, and what it costs, in points. */
  readonly type: OperationTypeNode;
  readonly name: string | null;
  readonly cost: number;
}

/** A document that may not be run, and why. */
export interface RefusedDocument {
  readonly errors: readonly GraphQLError[];
  /** How many of its tokens were read. */
  readonly tokens: number;
}

/** A valid document, and what its operations cost. */
interface Kept {
  readonly document: DocumentNode;
  readonly costs: Judgements;
  readonly text: string;
}

export class Documents {
  // By the hash of the text, as Apollo names documents.
  private readonly kept = new LRUCache<string, Kept>({
    max: KEPT_MAX,
    maxSize: KEPT_BYTES_MAX,
    dispose: ({ text }) => this.hashes.delete(text),
  });
  /** Of the texts that are kept: looking one up takes less than its digest. */
  private readonly hashes = new Map<string, string>();

  /** @param trusted the only documents that run, by the SHA-256 of their text; null: all do */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly trusted: TrustedDocuments | null = null,
    /** The most points that an operation may cost. */
    readonly costMax: number = QUERY_LIMITS.cost,
  ) {}

  /** The document that may be run, or the reasons why it may not. */
  read(request: DocumentRequest): ReadDocument | RefusedDocument {
    const operationName = request.operationName ?? null;
    const variables = request.variables ?? {};
    let tokens = 0;
    try {
      const text = this.textOf(request);
      requireShort(text);
      requireShortLists(variables);
      const hash = this.hashFor(text);
      const kept = this.kept.get(hash);
      const { document, costs } =
        kept ??
        keepable(text, (count) => {
          tokens = count;
        });
      tokens = tokensOf(document);
      const cost = costs.of(operationName, variables, (onVariable) =>
        this.judge({ document, operationName, variables }, onVariable),
      );
      if (kept === undefined) {
        const errors = this.validate(document);
        if (errors.length > 0) return { errors, tokens };
        this.kept.set(hash, { document, costs, text }, { size: bytesOf(document, text) });
        this.hashes.set(text, hash);
      }
      const operation = getOperationAST(document, operationName);
      if (operation == null) return { errors: [noSuchOperation(operationName)], tokens };
      const { operation: type } = operation;
      const name = operation.name?.value ?? null;
      return { document, text, hash, operationName, variables, type, name, cost };
    } catch (error) {
      return { errors: [locatedError(error, undefined)], tokens };
    }
  }

  /** A document that was read and found valid, by the hash of its text. */
  find(hash: string): DocumentNode | undefined {
    return this.kept.get(hash)?.document;
  }

  get runsTrustedOnly(): boolean {
    return this.trusted !== null;
  }

  /** The text of a trusted document, by its hash. */
  findTrusted(hash: string): string | undefined {
    return this.trusted?.get(hash);
  }

  private hashFor(text: string): string {
    return this.hashes.get(text) ?? hashOf(text);
  }

  private textOf({ query, extensions }: DocumentRequest): string {
    if (this.trusted === null) return query ?? '';
    const hash = persistedHash(extensions) ?? hashOf(query ?? '');
    const text = this.trusted.get(hash);
    const isOther = query != null && query !== '' && query !== text;
    if (text === undefined || isOther) throw new UntrustedDocumentError();
    return text;
  }

  /** @throws QueryTooCostlyError when it would take long */
  private validate(document: DocumentNode): readonly GraphQLError[] {
    requireFewRepeats(document);
    const options = { maxErrors: ERRORS_MAX, hideSuggestions: true };
    return validate(this.schema, document, specifiedRules, options).map((error) =>
      coded(error, 'GRAPHQL_VALIDATION_FAILED'),
    );
  }

  /** The cost of the operation that is asked for. @throws QueryTooCostlyError when any of the document is too large */
  private judge(
    {
      document,
      operationName,
      variables,
    }: Pick<ReadDocument, 'document' | 'operationName' | 'variables'>,
    onVariable: (name: string) => void,
  ): number {
    let cost = 0;
    for (const operation of document.definitions) {
      if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
      const of = { schema: this.schema, document, operation };
      const size = measureOperation(of, variables, onVariable);
      requireWithin(size, this.costMax);
      if (operationName === null || operation.name?.value === operationName) cost = size.cost;
    }
    return cost;
  }
}

/** The hash by which a request names a document, as Apollo's clients send it: `{ persistedQuery: { sha256Hash } }`. */
export function persistedHash(extensions: unknown): string | null {
  const named = memberOf(extensions, 'persistedQuery');
  const hash = memberOf(named, 'sha256Hash');
  return typeof hash === 'string' ? hash : null;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function hashOf(text: string): string {
  return digestOf('sha256', text);
}

function tokensOf({ tokenCount = 0 }: DocumentNode): number {
  return tokenCount;
}

// Comments are kept with the document, and not counted as tokens. Each begins with its sign.
function bytesOf(document: DocumentNode, text: string): number {
  return 2 * text.length + TOKEN_BYTES * (tokensOf(document) + text.split('#').length);
}

function keepable(text: string, onRefused: (tokens: number) => void): Omit<Kept, 'text'> {
  return { document: parseDocument(text, onRefused), costs: new Judgements() };
}

// graphql-js refuses a document with too many tokens by a syntax error, once it has read that many.
function parseDocument(query: string, onRefused: (tokens: number) => void): DocumentNode {
  const source = new Source(query);
  try {
    return parseOnce(source, { maxLexicalTokens: QUERY_LIMITS.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    onRefused(tokensUpTo(source, error.positions?.[0] ?? 0));
    if (error.message.includes('tokens. Parsing aborted')) {
      throw new QueryTooCostlyError({ name: 'tokens', bound: QUERY_LIMITS.tokens });
    }
    throw coded(error, 'GRAPHQL_PARSE_FAILED');
  }
}

/** How many tokens the parser had read when it found an error at a position. */
function tokensUpTo(source: Source, position: number): number {
  const lexer = new Lexer(source);
  let count = 0;
  try {
    while (lexer.advance().kind !== TokenKind.EOF && lexer.token.start <= position) count += 1;
  } catch {
    // What is no token was not read as one.
  }
  return count;
}

function coded(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, path, originalError } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions: { ...error.extensions, code },
  });
}

function noSuchOperation(operationName: string | null): GraphQLError {
  return new GraphQLError(
    operationName == null
      ? 'The request holds several operations: operationName must say which one is meant.'
      : `The request holds no operation named ${JSON.stringify(operationName.slice(0, 100))}.`,
    { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } },
  );
}

function requireShort({ length: asked }: string): void {
  const bound = QUERY_LIMITS.characters;
  if (asked > bound) throw new QueryTooCostlyError({ name: 'characters', bound, asked });
}

function requireFewRepeats(document: DocumentNode): void {
  const bound = QUERY_LIMITS.repeats;
  for (const definition of document.definitions) {
    // Fragments too, as they may be ones that nothing spreads.
    if (!('selectionSet' in definition)) continue;
    if (repeatsIn(document, definition.selectionSet, bound) > bound) {
      throw new QueryTooCostlyError({ name: 'repeats', bound });
    }
  }
}

// Their types are checked later, value by value, which takes long for a million of them. What stands within the items of a
// list is left to that: the body bounds it.
function requireShortLists(values: Readonly<Record<string, unknown>>, path: ErrorPath = []): void {
  for (const [name, value] of Object.entries(values)) {
    const here = [...path, name];
    if (!Array.isArray(value)) {
      if (isRecord(value) && here.length < INPUTS_DEEP_MAX) requireShortLists(value, here);
    } else if (value.length > LIST_MAX) {
      throw new UserInputError(
        `${printPath(here)} has ${value.length} items; a list can have at most ${LIST_MAX}.`,
        { path: here },
      );
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requireWithin(size: QuerySize, costMax: number): void {
  for (const name of JUDGED) {
    const bound = name === 'cost' ? costMax : QUERY_LIMITS[name];
    const asked = size[name];
    if (asked > bound) throw new QueryTooCostlyError({ name, bound, asked });
  }
}
