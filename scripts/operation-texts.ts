import { concatAST, type DocumentNode, Kind, print, separateOperations } from 'graphql';

export interface CodegenDocument {
  readonly document?: DocumentNode | undefined;
}

/** Every operation with its fragments: its name ("OverviewQuery" without the kind: "Overview"), its kind and its text. */
export function operationTexts(
  documents: readonly CodegenDocument[],
): readonly { readonly name: string; readonly kind: string; readonly text: string }[] {
  const all = concatAST(documents.flatMap(({ document }) => document ?? []));
  return Object.entries(separateOperations(all)).map(([name, document]) => {
    const operation = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
    return { name, kind: operation?.operation ?? 'query', text: print(document) };
  });
}

/** The client's method of an operation: "report" of "Report". */
export function methodNameOf(operation: string): string {
  return operation.charAt(0).toLowerCase() + operation.slice(1);
}
