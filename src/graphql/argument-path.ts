// The path of a refused value: from the field's arguments down, ['input', 'events', 17, 'credits'], whether it
// was written into the query or came as a variable. It is computed only when an error is reported.

import {
  BREAK,
  type DocumentNode,
  GraphQLError,
  Kind,
  parse,
  type ParseOptions,
  visit,
  type Source,
  type ValueNode,
} from 'graphql';
import type { ErrorPath } from '../core/errors.ts';

// An error knows the text that it is of, and not the document that was made of it.
const documents = new WeakMap<Source, DocumentNode>();

/** Parses a text, so that the paths of its errors are found without parsing it again. @throws GraphQLError */
export function parseOnce(source: Source, options: ParseOptions = {}): DocumentNode {
  const document = documents.get(source) ?? parse(source, options);
  documents.set(source, document);
  return document;
}

/** "input.events[17].credits" */
export function printPath(path: ErrorPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/**
 * The path in graphql-js' sentence about a refused variable: `Variable "$input" got invalid value "x" at
 * "input.events[17].credits"; …`. Begins with the argument that uses the variable if `error` has the query,
 * otherwise with the variable's name. Undefined when `message` is another sentence.
 */
export function variablePath(message: string, error: unknown): ErrorPath | undefined {
  const name = /^Variable "\$(\w+)" got invalid value /.exec(message)?.[1];
  if (name === undefined) return undefined;
  // The sentence names the value first, and its text may look like a path too. So the last match counts.
  const places = [...message.matchAll(/ at "(\w+)((?:\.\w+|\[\d+\])*)"; /g)];
  const place = places.findLast(([, variable]) => variable === name)?.[2] ?? '';
  const below = [...place.matchAll(/\[(\d+)\]|\.(\w+)/g)].map(([, index, field]) =>
    index === undefined ? (field ?? '') : Number(index),
  );
  const source = sourceOf(error);
  const argument =
    source === undefined
      ? undefined
      : pathInQuery(source, (value) => value.kind === Kind.VARIABLE && value.name.value === name);
  return [...(argument ?? [name]), ...below];
}

/** The path of the literal that a validation error points at; undefined when it points at none. */
export function literalPath(error: unknown): ErrorPath | undefined {
  if (!(error instanceof GraphQLError)) return undefined;
  const source = sourceOf(error);
  const start = error.nodes?.[0]?.loc?.start;
  if (source === undefined || start === undefined) return undefined;
  return pathInQuery(source, (value) => value.loc?.start === start);
}

function sourceOf(error: unknown): Source | undefined {
  return error instanceof GraphQLError
    ? (error.source ?? error.nodes?.[0]?.loc?.source)
    : undefined;
}

function pathInQuery(
  source: Source,
  isSought: (value: ValueNode) => boolean,
): ErrorPath | undefined {
  let found: ErrorPath | undefined;
  visit(parseOnce(source), {
    Argument: ({ name, value }) => {
      const below = pathInValue(value, isSought);
      if (below === undefined) return undefined;
      found = [name.value, ...below];
      return BREAK;
    },
  });
  return found;
}

function pathInValue(
  value: ValueNode,
  isSought: (value: ValueNode) => boolean,
): ErrorPath | undefined {
  const children: (readonly [string | number, ValueNode])[] = [];
  if (value.kind === Kind.LIST) children.push(...value.values.entries());
  if (value.kind === Kind.OBJECT) {
    children.push(...value.fields.map((field) => [field.name.value, field.value] as const));
  }
  for (const [step, child] of children) {
    const below = pathInValue(child, isSought);
    if (below !== undefined) return [step, ...below];
  }
  return isSought(value) ? [] : undefined;
}
