// A plugin of codegen.yml: the operations as texts with their types, for a browser that loads only those that are used. The
// texts are those of the manifest, so the page works on a gateway of trusted documents.

import type { GraphQLSchema } from 'graphql';
import { type CodegenDocument, operationTexts } from './operation-texts.ts';

const TYPES = `/** The text of an operation, with the types of its answer and its variables. */
export interface Operation<TData, TVariables> {
  readonly text: string;
  /** For the types alone; never set. */
  readonly types?: (variables: TVariables) => TData;
}`;

/** Writes `export const OverviewDocument: Operation<OverviewQuery, OverviewQueryVariables> = { text: … }` for each. */
export function plugin(_schema: GraphQLSchema, documents: readonly CodegenDocument[]): string {
  const lines = operationTexts(documents).map(({ name, kind, text }) => {
    const type = `${name}${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    return `export const ${name}Document: Operation<${type}, ${type}Variables> = {\n  text: ${JSON.stringify(text)},\n};`;
  });
  return [TYPES, ...lines].join('\n\n');
}
