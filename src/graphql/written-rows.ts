// Lets the executor of a query take lists of rows as text (row-writer.ts). In a copy of the document each such list is asked of
// a twin of its field, whose value is the text. Only this file knows the twins: no document can name one, and the schema shows none.

import { randomUUID } from 'node:crypto';
import {
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  getNamedType,
  getNullableType,
  type GraphQLField,
  type GraphQLObjectType,
  GraphQLScalarType,
  type GraphQLSchema,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { invariant, present } from '../core/errors.ts';
import { mergedFields, type SchemaAndFragments, withFragments } from './merged-fields.ts';
import { type RowWriter, rowWriter, UnwritableError } from './row-writer.ts';

/** Rows in an answer. */
class WrittenRows {
  constructor(private readonly texts: readonly string[]) {}

  toJSON(): string {
    printed.push(this.texts);
    return PLACE;
  }
}

// Nobody can send it, as nobody sees it: it is replaced before the answer is sent.
const PLACE = randomUUID();
const PLACE_JSON = JSON.stringify(PLACE);
/** The texts of the rows in the answer that is being printed, list after list. */
let printed: (readonly string[])[] = [];

/** An answer as a line of JSON, with the rows in it that were written. */
export function printAnswer(answer: object): string {
  return textsOf(answer).join('');
}

/** The same line in UTF-8. */
export function encodeAnswer(answer: object): Buffer {
  const texts = textsOf(answer);
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  texts.forEach((text, index) => {
    // What is as long in bytes is ASCII, and copied at once.
    at += bytes.write(text, at, lengths[index] === text.length ? 'latin1' : 'utf8');
  });
  return bytes;
}

/** The texts that an answer is made of, one after the other. */
function textsOf(answer: object): readonly string[] {
  const lists: (readonly string[])[] = [];
  printed = lists;
  const text = `${JSON.stringify(answer)}\n`;
  printed = [];
  if (lists.length === 0) return [text];
  const [first = '', ...others] = text.split(PLACE_JSON);
  return [first, ...others.flatMap((part, index) => [...(lists[index] ?? []), part])];
}

/** Why rows of a result could not be written; null: they were. */
export function whyUnwritten({ errors = [] }: ExecutionResult): UnwritableError | null {
  for (const { originalError } of errors) {
    if (originalError instanceof UnwritableError) return originalError;
  }
  return null;
}

const TWIN = '$rows';
const TEXT = new GraphQLScalarType({ name: '__WrittenRows', serialize: (value) => value });
const writers = new WeakMap<FieldNode, RowWriter>();

/**
 * The document with the twins of those lists of an operation that can be written; null where there is none. The values of a
 * twin end the execution with an `UnwritableError` where rows are not what was expected, which says nothing of the rows themselves.
 */
export function withWrittenRows(
  schema: GraphQLSchema,
  document: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
): DocumentNode | null {
  const lists = new Lists(withFragments(schema, document));
  lists.find(present(schema.getRootType(operation), 'a valid operation has a type'), [
    selectionSet,
  ]);
  if (lists.found.size === 0 || lists.isAmbiguous) return null;
  return visit(document, {
    [Kind.FIELD]: (node: FieldNode): FieldNode | undefined => {
      const list = lists.found.get(node);
      if (list === undefined) return undefined;
      const name = { ...node.name, value: twinOf(list.type, list.field) };
      const twin = { ...node, name, alias: node.alias ?? node.name };
      writers.set(twin, list.writer);
      return twin;
    },
  });
}

interface List {
  readonly type: GraphQLObjectType;
  readonly field: GraphQLField<unknown, unknown>;
  readonly writer: RowWriter;
}

class Lists {
  readonly found = new Map<FieldNode, List>();
  private readonly others = new Set<FieldNode>();

  constructor(private readonly of: SchemaAndFragments) {}

  /** Whether a selection stands for a list that is written in one place, and for something else in another. */
  isAmbiguous = false;

  find(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): void {
    for (const nodes of mergedFields(this.of, type, sets).values()) {
      const field = type.getFields()[nodes[0].name.value];
      if (field === undefined) continue;
      const writer = this.writerOf(field, nodes);
      if (writer !== null) this.add(nodes[0], { type, field, writer });
      else this.findBelow(field, nodes);
    }
  }

  private findBelow(field: GraphQLField<unknown, unknown>, nodes: readonly FieldNode[]): void {
    nodes.forEach((node) => {
      this.addOther(node);
    });
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const type = getNamedType(field.type);
    if (isObjectType(type)) this.find(type, sets);
    if (!isAbstractType(type)) return;
    for (const one of this.of.schema.getPossibleTypes(type)) this.find(one, sets);
  }

  // What is selected twice may be selected on conditions that differ.
  private writerOf(
    { type, resolve }: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
  ): RowWriter | null {
    if (resolve !== undefined || nodes.length > 1) return null;
    if (!isListType(getNullableType(type)) || isLeafType(getNamedType(type))) return null;
    try {
      return rowWriter(this.of, type, nodes);
    } catch (error) {
      if (error instanceof UnwritableError) return null;
      throw error;
    }
  }

  private add(node: FieldNode, list: List): void {
    const known = this.found.get(node);
    const isOther = known !== undefined && known.type !== list.type;
    if (isOther || this.others.has(node)) this.isAmbiguous = true;
    this.found.set(node, list);
  }

  private addOther(node: FieldNode): void {
    if (this.found.has(node)) this.isAmbiguous = true;
    this.others.add(node);
  }
}

// A name with a sign that GraphQL's names cannot have, among the fields that are looked up and not among those that are listed.
function twinOf(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const name = `${field.name}${TWIN}`;
  const fields = type.getFields();
  if (fields[name] !== undefined) return name;
  const twin: GraphQLField<unknown, unknown> = {
    name,
    description: null,
    type: TEXT,
    args: [],
    extensions: {},
    deprecationReason: null,
    astNode: null,
    resolve: (source, _args, context, info) => {
      const [node] = info.fieldNodes;
      invariant(node !== undefined, 'a field is asked for somewhere');
      const write = present(writers.get(node), 'a twin is asked for by our copies alone');
      try {
        const rows = (source as Record<string, unknown>)[field.name];
        return rows == null && !isNonNullType(field.type)
          ? null
          : new WrittenRows(write(rows, context, info));
      } catch (error) {
        throw error instanceof UnwritableError ? error : new UnwritableError('', { cause: error });
      }
    },
  };
  Object.defineProperty(fields, name, { value: twin, enumerable: false });
  return name;
}
