// What each field costs, in words, for people who read the schema in the explorer.

import {
  getNamedType,
  getNullableType,
  type GraphQLField,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
} from 'graphql';
import { costDeclaredBy } from './field-extensions.ts';
import { isRowField, ITEMS_DEFAULT } from './query-size.ts';

/** What each field that costs something costs, by its coordinate, such as "Account.usage". */
export function fieldCosts(schema: GraphQLSchema): Readonly<Record<string, string>> {
  const costs: Record<string, string> = {};
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || !(isObjectType(type) || isInterfaceType(type))) continue;
    for (const field of Object.values(type.getFields())) {
      const sentence = sentenceOf(field);
      if (sentence !== null) costs[`${type.name}.${field.name}`] = sentence;
    }
  }
  return costs;
}

function sentenceOf(field: GraphQLField<unknown, unknown>): string | null {
  const { weight, items = ITEMS_DEFAULT, ofArguments } = costDeclaredBy(field);
  const parts = [
    `${weight} ${weight === 1 ? 'point' : 'points'}`,
    ...(ofArguments === undefined ? [] : ['more by its arguments']),
    ...(isList(field) ? [`${items} × the fields below it`] : []),
    ...(hasRows(field)
      ? [
          `rows × the fields of nodes and edges (${rowsOf(field) ?? items} rows unless \`first\` or \`last\` says)`,
        ]
      : []),
  ];
  return weight === 0 && parts.length === 1 ? null : parts.join(', and ');
}

function isList({ name, type }: GraphQLField<unknown, unknown>): boolean {
  const isOfObjects = isCompositeType(getNamedType(type));
  return isOfObjects && isListType(getNullableType(type)) && !isRowField(name);
}

function hasRows({ type }: GraphQLField<unknown, unknown>): boolean {
  const named = getNamedType(type);
  return isObjectType(named) && Object.keys(named.getFields()).some(isRowField);
}

/** How many rows there are by default; undefined: the field does not say. */
function rowsOf({ args }: GraphQLField<unknown, unknown>): number | undefined {
  const first: unknown = args.find(({ name }) => name === 'first')?.defaultValue;
  return typeof first === 'number' ? first : undefined;
}
