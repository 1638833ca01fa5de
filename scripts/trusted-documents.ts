// A plugin of codegen.yml: every operation with its fragments, by the SHA-256 of its text.

import { createHash } from 'node:crypto';
import {
  concatAST,
  type DocumentNode,
  type GraphQLSchema,
  print,
  separateOperations,
} from 'graphql';

/** Writes the manifest: `{ "<sha256>": "<document>" }`. */
export function plugin(
  _schema: GraphQLSchema,
  documents: readonly { readonly document?: DocumentNode | undefined }[],
): string {
  const all = concatAST(documents.flatMap(({ document }) => document ?? []));
  const texts = Object.values(separateOperations(all)).map(print);
  const entries = texts.map((text) => [createHash('sha256').update(text).digest('hex'), text]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}
