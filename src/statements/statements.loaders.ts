import type { RequestContext } from '../graphql/context.ts';
import type { Statement } from './statement.ts';
import { countStatements, listStatements } from './statements.store.ts';

/** Statements of an account before a number, newest first. */
export async function readStatements(
  context: RequestContext,
  page: Parameters<typeof listStatements>[1],
): Promise<readonly Statement[]> {
  return listStatements(await context.reader(), page);
}

/** How many statements an account has. */
export async function readStatementCount(
  context: RequestContext,
  accountId: number,
): Promise<number> {
  return countStatements(await context.reader(), accountId);
}
