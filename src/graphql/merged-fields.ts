// What a selection asks of one type: its fields by their names in the answer, with fragments written out, in the order of the answer.

import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
export interface SchemaAndFragments {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
}
/** All that is selected under one name is merged. */
export type MergedFields = ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]>;

/** A schema with the fragments of a document by their names. */
export function withFragments(
  schema: GraphQLSchema,
  { definitions }: DocumentNode,
): SchemaAndFragments {
  const fragments = definitions.flatMap((one) =>
    one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
  );
  return { schema, fragments: new Map(fragments) };
}

/**
 * The fields that selections ask of a type, whatever their directives say.
 * @param onSelection is called with each selection on the way
 */
export function mergedFields(
  { schema, fragments }: SchemaAndFragments,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
  onSelection: (selection: SelectionNode) => void = () => undefined,
): MergedFields {
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();
  const add = (node: FieldNode): void => {
    const name = (node.alias ?? node.name).value;
    const merged = fields.get(name);
    if (merged === undefined) fields.set(name, [node]);
    else merged.push(node);
  };
  // A fragment counts where it is spread first.
  const fragmentOf = (selection: FragmentSpreadNode): FragmentDefinitionNode | undefined => {
    const name = selection.name.value;
    if (spread.has(name)) return undefined;
    spread.add(name);
    return fragments.get(name);
  };
  const concerns = (condition: string | undefined): boolean => {
    const asked = condition === undefined ? type : schema.getType(condition);
    return asked === type || (isAbstractType(asked) && schema.isSubType(asked, type));
  };
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      onSelection(selection);
      if (selection.kind === Kind.FIELD) {
        add(selection);
        continue;
      }
      const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
      const fragment = isSpread ? fragmentOf(selection) : selection;
      if (fragment === undefined) continue;
      if (concerns(fragment.typeCondition?.name.value)) collect(fragment.selectionSet);
    }
  };
  sets.forEach(collect);
  return fields;
}
