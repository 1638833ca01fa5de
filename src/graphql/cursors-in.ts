// Whether an operation goes on from a cursor.

import { type DocumentNode, Kind, type ValueNode, visit } from 'graphql';
import type { ReadDocument } from './documents.ts';

/** The arguments of lists that take cursors. */
const CURSOR_ARGUMENTS: ReadonlySet<string> = new Set(['after', 'before']);

const values = new WeakMap<DocumentNode, readonly ValueNode[]>();

/** Whether an operation goes on from a page that an earlier answer had. */
export function goesOn({
  document,
  variables,
}: Pick<ReadDocument, 'document' | 'variables'>): boolean {
  const known = values.get(document);
  const found = known ?? cursorsIn(document);
  if (known === undefined) values.set(document, found);
  return found.some((value) =>
    value.kind === Kind.VARIABLE ? variables[value.name.value] != null : value.kind !== Kind.NULL,
  );
}

// What a variable is when it is left out counts as given.
function cursorsIn(document: DocumentNode): readonly ValueNode[] {
  const found: ValueNode[] = [];
  const defaults = new Map<string, ValueNode>();
  visit(document, {
    VariableDefinition: ({ variable, defaultValue }) => {
      if (defaultValue !== undefined) defaults.set(variable.name.value, defaultValue);
    },
    Argument: ({ name, value }) => {
      if (CURSOR_ARGUMENTS.has(name.value)) found.push(value);
    },
  });
  return found.flatMap((value) => {
    const byDefault = value.kind === Kind.VARIABLE ? defaults.get(value.name.value) : undefined;
    return byDefault === undefined ? [value] : [value, byDefault];
  });
}
