// Resolvers are called with what type-graphql gives them: each of its own calls is compared with ours, over generated arguments.

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  getNullableType,
  type GraphQLField,
  type GraphQLInputType,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { buildSchemaSync, getMetadataStorage, type NonEmptyArray } from 'type-graphql';
import { callResolversDirectly } from '../../src/graphql/direct-resolvers.ts';
import { buildGatewaySchema } from '../../src/schema.ts';

type Field = GraphQLField<unknown, unknown, Record<string, unknown>>;
type Resolve = NonNullable<Field['resolve']>;

/** A resolver whose methods say how they were called. */
function tellingOf(resolverClass: unknown): object {
  const get = (_of: object, method: string | symbol) => {
    if (method === 'then') return undefined;
    return (...given: unknown[]): unknown => ({ resolverClass, method, given });
  };
  return new Proxy({}, { get });
}

/** What an executor may give for an argument or a field of an input. */
function valueOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return presentOf(type.ofType);
  return fc.option(presentOf(type), { freq: 4 });
}

function presentOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return fc.array(valueOf(nullable.ofType), { maxLength: 3 });
  if (isEnumType(nullable)) {
    return fc.constantFrom(...nullable.getValues().map(({ value }) => value as unknown));
  }
  if (!isInputObjectType(nullable)) return fc.oneof(fc.string(), fc.integer(), fc.boolean());
  return recordOf(Object.values(nullable.getFields()));
}

function recordOf(
  parts: readonly { readonly name: string; readonly type: GraphQLInputType }[],
): fc.Arbitrary<Record<string, unknown>> {
  const model = Object.fromEntries(parts.map(({ name, type }) => [name, valueOf(type)]));
  const requiredKeys = parts.filter(({ type }) => isNonNullType(type)).map(({ name }) => name);
  return fc.record(model, { requiredKeys });
}

it('calls each method with the same', async () => {
  // It declares all classes.
  buildGatewaySchema(null);
  const storage = getMetadataStorage();
  const tellings = new Map(
    storage.resolverClasses.map(({ target }) => [target as unknown, tellingOf(target)]),
  );
  const instanceOf = (resolverClass: unknown): object | undefined => tellings.get(resolverClass);
  const schema = buildSchemaSync({
    resolvers: storage.resolverClasses.map(({ target }) => target) as NonEmptyArray<() => void>,
    orphanedTypes: storage.objectTypes
      .filter(({ interfaceClasses = [] }) => interfaceClasses.length > 0)
      .map(({ target }) => target as () => void),
    container: { get: (of) => instanceOf(of) },
    validate: false,
    pubSub: { publish: () => undefined, subscribe: () => ({}) as AsyncIterable<never> },
  });
  const fields = Object.values(schema.getTypeMap())
    .filter((type) => type instanceof GraphQLObjectType)
    .filter((type) => !type.name.startsWith('__') && type !== schema.getSubscriptionType())
    .flatMap((type) => Object.values(type.getFields()) as Field[]);
  const before = new Map<Field, Resolve>(
    fields.flatMap((field) => (field.resolve === undefined ? [] : [[field, field.resolve]])),
  );

  callResolversDirectly(schema, instanceOf);

  const direct = fields.filter(({ resolve }) => resolve !== undefined);
  const others = direct.filter((field) => field.resolve === before.get(field));
  // These read a property.
  expect(new Set(others.map(({ name }) => name))).toEqual(
    new Set(['asOf', 'position', 'totalCount', 'totals']),
  );
  expect(direct.length - others.length).toBeGreaterThanOrEqual(
    storage.queries.length + storage.mutations.length + storage.fieldResolvers.length,
  );
  const [root, context, info] = [{}, {}, {} as GraphQLResolveInfo];
  for (const field of direct.filter((one) => !others.includes(one))) {
    await fc.assert(
      fc.asyncProperty(recordOf(field.args), async (args) => {
        const usual: unknown = await before.get(field)?.(root, args, context, info);
        expect(field.resolve?.(root, args, context, info)).toStrictEqual(usual);
      }),
      { numRuns: 20 },
    );
  }
});
