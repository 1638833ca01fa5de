// A plugin of codegen.yml: the operations as texts with their types, so that a program carries those that it uses. The texts are
// those of the manifest, so the client works on a gateway of trusted documents.

import type { GraphQLSchema } from 'graphql';
import { type CodegenDocument, operationTexts } from './operation-texts.ts';

/**
 * The mutations of which the gateway knows that it had them: by an idempotency key, or by an identity of the caller's own. The
 * client sends these again when it does not know what became of a call (docs/clients.md).
 */
const REPEATABLE: ReadonlySet<string> = new Set([
  'AdjustCredits',
  'Allocate',
  'CloseAccount',
  'CreateHardwareProfile',
  'CreateThreshold',
  'ErasePersonalData',
  'RecordHosting',
  'RecordUsage',
  'RegisterBrowserPod',
  'RegisterCustomScript',
  'RegisterGuardrail',
  'RegisterModel',
  'RegisterModelDeployment',
  'RegisterOcrDeployment',
  'RegisterResources',
  'RegisterWorkflow',
  'VoidAllocation',
  'VoidUsage',
]);

/** Writes `export const OverviewDocument: Operation<OverviewQuery, OverviewQueryVariables, 'query'> = { … }` for each. */
export function plugin(_schema: GraphQLSchema, documents: readonly CodegenDocument[]): string {
  const lines = operationTexts(documents).map(({ name, kind, text }) => {
    const type = `${name}${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const isRepeatable = REPEATABLE.has(name) ? { isRepeatable: true } : {};
    const operation = JSON.stringify({ name, kind, ...isRepeatable, text }, null, 2);
    return `export const ${name}Document: Operation<${type}, ${type}Variables, '${kind}'> = ${operation};`;
  });
  return lines.join('\n\n');
}
