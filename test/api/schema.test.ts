import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  assertInterfaceType,
  buildSchema,
  getNamedType,
  type GraphQLObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  validate,
} from 'graphql';
import { QUERY_LIMITS } from '../../src/graphql/documents.ts';
import { costDeclaredBy } from '../../src/graphql/field-extensions.ts';
import { measureOperation } from '../../src/graphql/query-size.ts';
import { buildGatewaySchema, printGatewaySchema } from '../../src/schema.ts';

const committed = readFileSync('schema/schema.graphql', 'utf8');

it('is committed as it is emitted', () => {
  expect(committed).toBe(printGatewaySchema());
});

it('answers every operation that clients ask', () => {
  const schema = buildSchema(committed);
  const files = readdirSync('schema/operations');

  const all = files.map((file) => readFileSync(`schema/operations/${file}`, 'utf8')).join('\n');

  expect(validate(schema, parse(all))).toEqual([]);
  expect(files.length).toBeGreaterThan(10);
});

// A resolver is called for each row of a page; a property without one is read by compiled code.
it('has no resolvers for what stands in the row of a resource', () => {
  const schema = buildGatewaySchema(null);
  const kinds = schema.getPossibleTypes(assertInterfaceType(schema.getType('BillableResource')));
  const plain = ['id', 'externalId', 'name', 'kind', 'status', 'owner', 'createdAt'];

  const resolved = kinds.flatMap((kind) =>
    plain.filter((name) => kind.getFields()[name]?.resolve).map((name) => `${kind.name}.${name}`),
  );

  expect(kinds).toHaveLength(6);
  expect(resolved).toEqual([]);
});

describe('the cost of fields', () => {
  const schema = buildGatewaySchema(null);
  const fields = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) =>
      Object.values((type as GraphQLObjectType).getFields()).map((field) => ({ type, field })),
    );

  // What is read from the row needs none; what a resolver computes or reads does.
  it('is declared by every field that has a resolver of its own', () => {
    const undeclared = fields.filter(
      ({ field }) =>
        field.resolve !== undefined &&
        field.resolve.name !== 'simpleFieldResolver' &&
        field.extensions['cost'] === undefined,
    );
    expect(undeclared.map(({ type, field }) => `${type.name}.${field.name}`)).toEqual([]);
  });

  it('is the same on an interface as on the dearest of its types', () => {
    const interfaces = Object.values(schema.getTypeMap()).filter(isInterfaceType);
    const differing = interfaces.flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => {
          const types = schema.getPossibleTypes(type).map((one) => one.getFields()[field.name]);
          const weights = types.map((one) => (one === undefined ? 0 : costDeclaredBy(one).weight));
          return costDeclaredBy(field).weight !== Math.max(...weights);
        })
        .map(({ name }) => `${type.name}.${name}`),
    );
    expect(interfaces).toHaveLength(3);
    expect(differing).toEqual([]);
  });

  it('knows the rows of every connection', () => {
    const unknown = fields.filter(
      ({ field }) =>
        getNamedType(field.type).name.endsWith('Connection') &&
        !field.args.some(
          ({ name, defaultValue }) => name === 'first' && defaultValue !== undefined,
        ) &&
        costDeclaredBy(field).items === undefined,
    );
    expect(unknown.map(({ type, field }) => `${type.name}.${field.name}`)).toEqual([]);
  });

  it('stands in the docs', () => {
    const [, section = ''] = readFileSync('docs/limits.md', 'utf8').split(
      '\n## Points of each field\n',
    );
    const rows = [...section.matchAll(/^\| +(\d+) \| (.+?) *\|$/gm)].map(([, points, names]) => [
      Number(points),
      names,
    ]);
    expect(rows).toEqual(pointsTable());
  });

  it('allows twice what the dearest of our own operations costs, and three times the largest', () => {
    const all = readdirSync('schema/operations').map((file) =>
      readFileSync(`schema/operations/${file}`, 'utf8'),
    );
    const document = parse(all.join('\n'));
    const sizes = document.definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? [measureOperation({ schema, document, operation: definition }, {})]
        : [],
    );
    const dearest = Math.max(...sizes.map(({ cost }) => cost));
    expect(QUERY_LIMITS.cost / dearest).toBeGreaterThanOrEqual(2);
    expect(QUERY_LIMITS.cost / dearest).toBeLessThan(2.5);
    const largest = Math.max(...sizes.map(({ selections }) => selections));
    expect(QUERY_LIMITS.selections / largest).toBeGreaterThanOrEqual(3);
  });

  /** Fields by their points, the dearest first; a field of several types by its name alone where all cost the same. */
  function pointsTable(): readonly (readonly [points: number, names: string])[] {
    const declared = fields
      .filter(({ field }) => field.extensions['cost'] !== undefined)
      .map(({ type, field }) => ({ type, name: field.name, points: costDeclaredBy(field).weight }));
    const byPoints = new Map<number, Set<string>>();
    for (const { type, name, points } of declared) {
      const alike = declared.filter((other) => other.name === name);
      const isOneKind = alike.length > 1 && alike.every((other) => other.points === points);
      const shown = isOneKind ? name : `${type.name}.${name}`;
      const isUsual = type.name === 'Mutation' && points === 20;
      const names = byPoints.get(points) ?? new Set();
      byPoints.set(points, names.add(isUsual ? 'all other mutations' : `\`${shown}\``));
    }
    return [...byPoints]
      .sort(([a], [b]) => b - a)
      .map(([points, names]) => [points, [...names].sort().join(', ')]);
  }
});
