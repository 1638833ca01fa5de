// A plugin of codegen.yml: the operations under the names of the client's methods, each with what the schema or its file says of
// it, for the editors of those who call it.

import {
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  TokenKind,
} from 'graphql';
import { type CodegenDocument, methodNameOf } from './operation-texts.ts';

const DOCUMENTS = './operations.ts';

/** Writes `export const operations = { overview: documents.OverviewDocument, … }`. */
export function plugin(schema: GraphQLSchema, documents: readonly CodegenDocument[]): string {
  const entries = documents
    .flatMap(({ document }) => (document === undefined ? [] : operationsIn(document)))
    .map((operation) => {
      const name = operation.name?.value ?? '';
      const about = aboutOf(schema, operation);
      const comment = about === '' ? '' : `  /** ${about.replaceAll('*/', '* /')} */\n`;
      return `${comment}  ${methodNameOf(name)}: documents.${name}Document,`;
    });
  return [
    `import * as documents from '${DOCUMENTS}';`,
    '',
    '/** All operations by the names of their methods. */',
    `export const operations = {\n${entries.join('\n')}\n};`,
    '',
  ].join('\n');
}

function operationsIn(document: DocumentNode): readonly OperationDefinitionNode[] {
  return document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
}

// A comment above an operation is about it. Else what the schema says of its only field at the root is.
function aboutOf(schema: GraphQLSchema, operation: OperationDefinitionNode): string {
  const comment = commentAbove(operation);
  if (comment !== '') return comment;
  const [field, ...others] = operation.selectionSet.selections;
  if (field?.kind !== Kind.FIELD || others.length > 0) return '';
  // Most questions begin at these, so they say nothing of them.
  if (['account', 'node'].includes(field.name.value)) return '';
  return descriptionOf(schema, operation.operation, field.name.value).replaceAll(/\s+/g, ' ');
}

function descriptionOf(schema: GraphQLSchema, root: OperationTypeNode, field: string): string {
  return schema.getRootType(root)?.getFields()[field]?.description ?? '';
}

function commentAbove({ loc }: OperationDefinitionNode): string {
  const lines: string[] = [];
  for (let token = loc?.startToken.prev; token?.kind === TokenKind.COMMENT; token = token.prev) {
    lines.unshift(token.value.trim());
  }
  return lines.join(' ');
}
