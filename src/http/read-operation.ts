// What happens to every operation before it runs, by HTTP, WebSocket and SSE alike: it is read, let in, and its points are taken.

import type { Actor } from '../core/identity.ts';
import type {
  DocumentRequest,
  Documents,
  ReadDocument,
  RefusedDocument,
} from '../graphql/documents.ts';
import type { OperationCost, Points } from './rates.ts';

/** What a refused document takes at least; else it takes one for each token. */
const REFUSED_POINTS_MIN = 10;

/** An operation as our reader saw it, and what was taken for it. */
export interface JudgedOperation {
  readonly read: ReadDocument;
  readonly cost: OperationCost;
}

/**
 * The operation that a caller asks for, or the reasons why its document cannot run, for which points were taken too.
 * @param admit lets it in, before its points are taken; throws UNAVAILABLE
 * @throws RATE_LIMITED, and takes none; when none are left, before it reads anything
 */
export type ReadOperation = (
  request: DocumentRequest,
  caller: { readonly actor: Actor; readonly admit: (read: ReadDocument) => void },
) => Promise<JudgedOperation | RefusedDocument>;

/** @param points left out: they are not limited */
export function operationReader(documents: Documents, points: Points | undefined): ReadOperation {
  return async (request, { actor, admit }) => {
    await points?.requireSome(actor);
    const read = documents.read(request);
    if ('errors' in read) {
      await points?.charge(actor, Math.max(REFUSED_POINTS_MIN, read.tokens));
      return read;
    }
    admit(read);
    const cost = { asked: read.cost, allowed: documents.costMax };
    const left = await points?.take(actor, read.cost);
    return { read, cost: left === undefined ? cost : { ...cost, left } };
  };
}
