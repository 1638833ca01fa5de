// A plugin of codegen.yml: what the caches of GraphQL clients have to know of the schema (docs/clients.md).

import { type GraphQLSchema, isAbstractType, isObjectType } from 'graphql';

/** Writes the types of each interface, and the types whose objects have no id of their own. */
export function plugin(schema: GraphQLSchema): string {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  const possibleTypes = types.filter(isAbstractType).map((type) => {
    const names = schema.getPossibleTypes(type).map(({ name }) => name);
    return [type.name, names.sort()] as const;
  });
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const typesWithoutId = types
    .filter(isObjectType)
    .filter((type) => !roots.includes(type) && type.getFields()['id'] === undefined)
    .map(({ name }) => name);
  const hints = { possibleTypes: Object.fromEntries(possibleTypes), typesWithoutId };
  return `${JSON.stringify(hints, null, 2)}\n`;
}
