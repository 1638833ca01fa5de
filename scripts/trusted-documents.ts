// A plugin of codegen.yml: every operation with its fragments, by the SHA-256 of its text.

import { createHash } from 'node:crypto';
import type { GraphQLSchema } from 'graphql';
import { type CodegenDocument, operationTexts } from './operation-texts.ts';

/** Writes the manifest: `{ "<sha256>": "<document>" }`. */
export function plugin(_schema: GraphQLSchema, documents: readonly CodegenDocument[]): string {
  const entries = operationTexts(documents).map(({ text }) => [
    createHash('sha256').update(text).digest('hex'),
    text,
  ]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}
