import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { assertInterfaceType, buildSchema, parse, validate } from 'graphql';
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
