import type { Tx } from '../../src/db/database.ts';
import { RequestContext } from '../../src/graphql/context.ts';
import { UsageViews } from '../../src/views/views.service.ts';

const NOBODY = { name: 'nobody', keyId: 0, accountId: null, scopes: new Set<never>() };

/** The views of a request whose snapshot is a given one. Nobody asks: views do not authorise. */
export function viewsOn(tx: Tx, nowMs: number): UsageViews {
  const snapshot = { tx, cancel: (): void => undefined, close: () => Promise.resolve() };
  const database = { openSnapshot: () => Promise.resolve(snapshot) };
  return new UsageViews(new RequestContext(NOBODY, database, { nowMs: () => nowMs }));
}
