// What happens to every operation before it runs, by HTTP, WebSocket and SSE alike: it is read, let in, and its points are taken.

import type { GraphQLError } from 'graphql';
import type { Actor } from '../core/identity.ts';
import type { DocumentRequest, Documents, ReadDocument } from '../graphql/documents.ts';
import type { OperationCost, TakePoints } from './rates.ts';

/** An operation as our reader saw it, and what was taken for it. */
export interface JudgedOperation {
  readonly read: ReadDocument;
  readonly cost: OperationCost;
}

/**
 * The operation that a caller asks for, or the reasons why it cannot run.
 * @param admit lets it in, before its points are taken; throws UNAVAILABLE
 * @throws RATE_LIMITED, and takes none
 */
export type ReadOperation = (
  request: DocumentRequest,
  caller: { readonly actor: Actor; readonly admit: (read: ReadDocument) => void },
) => Promise<JudgedOperation | readonly GraphQLError[]>;

/** @param takePoints left out: points are not limited */
export function operationReader(
  documents: Documents,
  takePoints: TakePoints | undefined,
): ReadOperation {
  return async (request, { actor, admit }) => {
    const read = documents.read(request);
    if (!('document' in read)) return read;
    admit(read);
    const cost = { asked: read.cost, allowed: documents.costMax };
    const left = await takePoints?.(actor, read.cost);
    return { read, cost: left === undefined ? cost : { ...cost, left } };
  };
}
