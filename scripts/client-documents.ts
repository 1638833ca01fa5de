// A plugin of codegen.yml: the operations as texts with their types, so that a program carries those that it uses. The texts are
// those of the manifest, so the client works on a gateway of trusted documents.

import type { GraphQLSchema } from 'graphql';
import { type CodegenDocument, operationTexts } from './operation-texts.ts';

/** Writes `export const OverviewDocument: Operation<OverviewQuery, OverviewQueryVariables> = { name, kind, text }` for each. */
export function plugin(_schema: GraphQLSchema, documents: readonly CodegenDocument[]): string {
  const lines = operationTexts(documents).map(({ name, kind, text }) => {
    const type = `${name}${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    return `export const ${name}Document: Operation<${type}, ${type}Variables> = ${JSON.stringify({ name, kind, text }, null, 2)};`;
  });
  return lines.join('\n\n');
}
