import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import { printGatewaySchema } from '../../src/schema.ts';

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
