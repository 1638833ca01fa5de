// Compares the committed schema with the public contract: what exists must match it; what is still missing is listed.
// usage: tsx .ci/contract.ts CONTRACT

import { readFileSync } from 'node:fs';
import { diff, CriticalityLevel, type Change } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const [contractFile] = process.argv.slice(2);
if (contractFile === undefined) throw new Error('usage: tsx .ci/contract.ts CONTRACT');
const contract = buildSchema(readFileSync(contractFile, 'utf8'));
const emitted = buildSchema(readFileSync('schema/schema.graphql', 'utf8'));

const MISSING = new Set([
  'TYPE_REMOVED',
  'FIELD_REMOVED',
  'FIELD_ARGUMENT_REMOVED',
  'INPUT_FIELD_REMOVED',
  'ENUM_VALUE_REMOVED',
  'SCHEMA_SUBSCRIPTION_TYPE_CHANGED',
]);

const changes = await diff(contract, emitted);
const breaking = changes.filter(
  (change) => change.criticality.level !== CriticalityLevel.NonBreaking,
);
const isMissing = (change: Change): boolean => MISSING.has(String(change.type));
const missing = breaking.filter(isMissing);
const broken = breaking.filter(
  (change) => !isMissing(change) && change.criticality.level === CriticalityLevel.Breaking,
);

for (const change of missing) console.log(`missing: ${change.message}`);
for (const change of broken) console.log(`BROKEN: ${change.message}`);
console.log(`${missing.length} parts of the contract are still missing.`);
console.log(`contract: ${broken.length === 0 ? '1 passed, 0 failed' : '0 passed, 1 failed'}`);
process.exitCode = broken.length === 0 ? 0 : 1;
