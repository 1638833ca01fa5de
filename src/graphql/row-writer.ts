// Rows of a list as JSON text, written by a function that is made from their selection. The executor would make an object of each
// row first, and an array of these, for JSON.stringify to walk: most of what a page of rows costs. The text is what that
// would print, byte for byte. Rows about which there is more to say, such as a null that may not be, are not written at all: the
// executor knows what to say of them.

import {
  type FieldNode,
  type GraphQLAbstractType,
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLField,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLString,
  getNullableType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type SelectionNode,
} from 'graphql';
import { invariant } from '../core/errors.ts';
import { answersAtOnce, isPlainText } from './field-extensions.ts';
import { type MergedFields, mergedFields, type SchemaAndFragments } from './merged-fields.ts';
import { SafeIntScalar } from './scalars.ts';

/** Rows are more than their properties, or a value of theirs is none that their field may have. */
export class UnwritableError extends Error {}

/** A field answers later. So it is likely to do so the next time. */
export class AnsweredLaterError extends UnwritableError {}

/** Texts that are not longer by more than a row: to join longer ones, the engine asks the system for memory each time. */
const TEXT_LENGTH = 16_384;
/** What a resolver that answers at once is given for its arguments. */
const NO_ARGUMENTS = Object.freeze({});

/** Writes rows, as texts to be read one after the other. @throws UnwritableError, and whatever a scalar throws at a value */
export type RowWriter = (
  rows: unknown,
  context: unknown,
  info: GraphQLResolveInfo,
) => readonly string[];

/**
 * A writer of a list.
 * @param nodes the selections of its field
 * @throws UnwritableError for fields with a resolver and for selections with directives
 */
export function rowWriter(
  of: SchemaAndFragments,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
): RowWriter {
  return new WriterCode(of).build(type, nodes);
}

/** A function that writes a value that is not null. */
type Write = (value: unknown) => string;

// The code of functions that call each other, and the values of ours that they use, by name.
class WriterCode {
  private readonly code: string[] = [];
  private readonly used = new Map<string, unknown>();

  constructor(private readonly of: SchemaAndFragments) {}

  build(type: GraphQLOutputType, nodes: readonly FieldNode[]): RowWriter {
    const rows = this.rows(type, nodes);
    const source = `'use strict';\n${this.code.join('\n')}\nreturn ${rows};`;
    // Names of the schema and of the document are all that goes into it, and these are words.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const make = new Function(...this.used.keys(), source) as (...used: unknown[]) => RowWriter;
    return make(...this.used.values());
  }

  /** The name of what writes the whole list. */
  private rows(type: GraphQLOutputType, nodes: readonly FieldNode[]): string {
    const list = getNullableType(type);
    invariant(isListType(list), 'rows are the items of a list');
    return this.fn(
      'items',
      `${this.use('requireArray', requireArray)}(items);
      const texts = [];
      let text = '[';
      let separator = '';
      for (const item of items) {
        text += separator + ${this.expression(list.ofType, nodes, 'item')};
        separator = ',';
        if (text.length > ${TEXT_LENGTH}) {
          texts.push(text);
          text = '';
        }
      }
      texts.push(text + ']');
      return texts;`,
    );
  }

  /** The code of a value's text. @param value the code of the value */
  private expression(
    type: GraphQLOutputType,
    nodes: readonly FieldNode[],
    value: string,
    field?: GraphQLField<unknown, unknown>,
  ): string {
    if (isNonNullType(type)) {
      return `${this.writer(type.ofType, nodes, field)}(${value}, context, info)`;
    }
    const writer = this.writer(type, nodes, field);
    return `((value = ${value}) == null ? 'null' : ${writer}(value, context, info))`;
  }

  /** The name of what writes values of a type. @param field whose values they are; left out: they are items */
  private writer(
    type: GraphQLOutputType,
    nodes: readonly FieldNode[],
    field?: GraphQLField<unknown, unknown>,
  ): string {
    if (isNonNullType(type)) return this.writer(type.ofType, nodes, field);
    if (isLeafType(type)) {
      const isPlain = field !== undefined && isPlainText(field);
      return this.use(type.name, isPlain ? plainWriterOf(type) : writerOfLeaf(type));
    }
    if (isListType(type)) return this.list(type.ofType, nodes);
    if (isObjectType(type)) return this.object(type, nodes);
    return this.abstract(type, nodes);
  }

  private list(type: GraphQLOutputType, nodes: readonly FieldNode[]): string {
    const check = this.use('requireArray', requireArray);
    return this.fn(
      'items',
      `${check}(items);
      let text = '[';
      let separator = '';
      for (const item of items) {
        text += separator + ${this.expression(type, nodes, 'item')};
        separator = ',';
      }
      return text + ']';`,
    );
  }

  private object(type: GraphQLObjectType, nodes: readonly FieldNode[]): string {
    if (type.isTypeOf != null) throw new UnwritableError();
    const check = this.use('requireObject', requireObject);
    const parts: Part[] = [];
    for (const [name, [node, ...others]] of this.fieldsOf(type, nodes)) {
      parts.push({ text: `${parts.length === 0 ? '' : ','}${JSON.stringify(name)}:` });
      const field = type.getFields()[node.name.value];
      if (field === undefined) parts.push({ text: JSON.stringify(typeNameOf(type, node)) });
      else {
        const value = this.property(field);
        parts.push({ code: this.expression(field.type, [node, ...others], value, field) });
      }
    }
    const text = concatenated([{ text: '{' }, ...parts, { text: '}' }]);
    return this.fn('row', `${check}(row);\nreturn ${text};`);
  }

  private property(field: GraphQLField<unknown, unknown>): string {
    const { name, resolve } = field;
    if (resolve === undefined) return `row.${name}`;
    if (!answersAtOnce(field)) throw new UnwritableError();
    const check = this.use('requireAnswer', requireAnswer);
    const none = this.use('noArguments', NO_ARGUMENTS);
    return `${check}(${this.use(`resolve_${name}`, resolve)}(row, ${none}, context, info))`;
  }

  private abstract(type: GraphQLAbstractType, nodes: readonly FieldNode[]): string {
    const { resolveType } = type;
    // It is given the value alone.
    if (resolveType == null || resolveType.length > 1) throw new UnwritableError();
    const check = this.use('requireObject', requireObject);
    const typeOf = this.use(`typeOf_${type.name}`, resolveType);
    const cases = this.of.schema
      .getPossibleTypes(type)
      .map(
        (one) => `case ${quote(one.name)}: return ${this.object(one, nodes)}(row, context, info);`,
      );
    const unknown = this.use('unwritable', unwritable);
    return this.fn(
      'row',
      `${check}(row);\nswitch (${typeOf}(row)) {\n${cases.join('\n')}\ndefault: return ${unknown}();\n}`,
    );
  }

  private fieldsOf(type: GraphQLObjectType, nodes: readonly FieldNode[]): MergedFields {
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    return mergedFields(this.of, type, sets, requireNoDirectives);
  }

  /** Adds a function. @returns its name */
  private fn(parameter: string, body: string): string {
    const name = `write${this.code.length}`;
    this.code.push(`function ${name}(${parameter}, context, info) {\nlet value;\n${body}\n}`);
    return name;
  }

  /** Makes a value known to the code. @returns its name there */
  private use(name: string, value: unknown): string {
    const other = [...this.used].find(([, known]) => known === value)?.[0];
    if (other !== undefined) return other;
    const own = `${name}_${this.used.size}`;
    this.used.set(own, value);
    return own;
  }
}

/** A part of a text: as it is, or the code that makes it. */
type Part = { readonly text: string } | { readonly code: string };

/** The code of the whole. */
function concatenated(parts: readonly Part[]): string {
  const code: string[] = [];
  let text = '';
  for (const part of parts) {
    if ('text' in part) {
      text += part.text;
    } else {
      code.push(quote(text), part.code);
      text = '';
    }
  }
  return [...code, quote(text)].join(' + ');
}

function quote(text: string): string {
  return JSON.stringify(text);
}

// Whether a part is in an answer depends on variables then.
function requireNoDirectives({ directives = [] }: SelectionNode): void {
  if (directives.length > 0) throw new UnwritableError();
}

function typeNameOf(type: GraphQLObjectType, { name }: FieldNode): string {
  if (name.value !== '__typename') throw new UnwritableError();
  return type.name;
}

function unwritable(): never {
  throw new UnwritableError();
}

function requireArray(items: unknown): void {
  if (!Array.isArray(items)) throw new UnwritableError();
}

function requireObject(value: unknown): void {
  if (value == null || value instanceof Error) throw new UnwritableError();
  requireAnswer(value);
}

function requireAnswer(value: unknown): unknown {
  if (!isThenable(value)) return value;
  // The executor asks again, and hears of its failure then.
  value.then(undefined, () => undefined);
  throw new AnsweredLaterError();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}

const writers = new WeakMap<GraphQLLeafType, Write>();
const plainWriters = new WeakMap<GraphQLLeafType, Write>();

function writerOfLeaf(type: GraphQLLeafType): Write {
  if (isPlainText(type)) return plainWriterOf(type);
  const known = writers.get(type) ?? newWriterOfLeaf(type);
  writers.set(type, known);
  return known;
}

/** A writer of texts that JSON writes as they are. To look for what it escapes, the engine would copy each once. */
function plainWriterOf(type: GraphQLLeafType): Write {
  const known = plainWriters.get(type);
  if (known !== undefined) return known;
  const write = (value: unknown): string => {
    const answer = serialized(type, value);
    return typeof answer === 'string' ? `"${answer}"` : jsonOf(answer);
  };
  plainWriters.set(type, write);
  return write;
}

// What most values are is written without asking the type, where it would say the same.
function newWriterOfLeaf(type: GraphQLLeafType): Write {
  const other = (value: unknown): string => jsonOf(serialized(type, value));
  if (type === GraphQLString || type === GraphQLID) {
    return (value) => (typeof value === 'string' ? jsonOfText(value) : other(value));
  }
  if (type === GraphQLInt) {
    return (value) => (isInt32(value) ? String(value) : other(value));
  }
  if (type === SafeIntScalar) {
    return (value) => (Number.isSafeInteger(value) ? String(value) : other(value));
  }
  if (type === GraphQLFloat) {
    return (value) => (Number.isFinite(value) ? String(value) : other(value));
  }
  if (type === GraphQLBoolean) {
    return (value) => (typeof value === 'boolean' ? String(value) : other(value));
  }
  return type instanceof GraphQLEnumType ? writerOfEnum(type, other) : other;
}

function writerOfEnum(type: GraphQLEnumType, other: Write): Write {
  const names = new Map(
    type
      .getValues()
      .filter(({ value }) => value != null)
      .map((one): [unknown, string] => [one.value, JSON.stringify(one.name)]),
  );
  return (value) => names.get(value) ?? other(value);
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31;
}

function serialized(type: GraphQLLeafType, value: unknown): unknown {
  if (value == null || value instanceof Error) throw new UnwritableError();
  return type.serialize(value);
}

function jsonOf(answer: unknown): string {
  if (typeof answer === 'string') return jsonOfText(answer);
  // The executor takes these for no answer.
  if (answer === undefined || Number.isNaN(answer)) throw new UnwritableError();
  const json = JSON.stringify(answer) as string | undefined;
  // A function, or a symbol: the field would be left out.
  if (json === undefined) throw new UnwritableError();
  return json;
}

/** What JSON writes in another way than it is; also halves of characters. */
// eslint-disable-next-line no-control-regex
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

// Twice as fast as JSON.stringify for most texts.
function jsonOfText(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}
