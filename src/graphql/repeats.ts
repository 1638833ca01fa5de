// How much of an operation is said again. Validation compares the fields that share a place in the answer, each with each,
// so two hundred repetitions take it longer than any operation that is needed.

import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** A place in the answer. */
interface Place {
  fields: number;
  readonly below: Map<string, Place>;
}

/**
 * How many pairs of fields share a place in the answer, with the fragments written out.
 * @param max counting ends beyond it, or beyond as many fields
 */
export function repeatsIn(
  document: DocumentNode,
  selectionSet: SelectionSetNode,
  max: number,
): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  let pairs = 0;
  let selected = 0;
  // A fragment that spreads itself ends there; validation refuses it.
  const count = (
    { selections }: SelectionSetNode,
    place: Place,
    within: readonly string[],
  ): void => {
    for (const selection of selections) {
      selected += 1;
      if (pairs > max || selected > max) return;
      if (selection.kind === Kind.FIELD) {
        const here = placeOf(place, (selection.alias ?? selection.name).value);
        pairs += here.fields;
        here.fields += 1;
        if (selection.selectionSet !== undefined) count(selection.selectionSet, here, within);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        count(selection.selectionSet, place, within);
      } else if (!within.includes(selection.name.value)) {
        const fragment = fragments.get(selection.name.value);
        if (fragment === undefined) continue;
        count(fragment.selectionSet, place, [...within, selection.name.value]);
      }
    }
  };
  count(selectionSet, { fields: 0, below: new Map() }, []);
  return Math.max(pairs, selected > max ? max + 1 : 0);
}

function placeOf({ below }: Place, name: string): Place {
  const known = below.get(name);
  if (known !== undefined) return known;
  const place: Place = { fields: 0, below: new Map() };
  below.set(name, place);
  return place;
}
