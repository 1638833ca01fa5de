// Reading a list to its end, page by page.

import { GatewayError } from './errors.ts';

/** What every connection of the gateway has, where its operation asks for it. */
export interface Page {
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** The variables of a method that reads a page. */
type Paged<TRead extends (variables: never) => unknown> = NonNullable<Parameters<TRead>[0]> & {
  readonly after?: string | null | undefined;
};

/**
 * The pages of a list, one after the other. The gateway answers all of them as of the first one, so that rows are neither
 * missed nor doubled when something changes meanwhile. Ending the loop ends the reading.
 * @param read asks for one page: a method of the gateway, such as `gateway.ledger`
 * @param variables of the first page; `first` is the number of rows a page, up to 500
 * @param pageOf finds the list in the answer; null where the account is not there
 * @throws GatewayError also when there is no list to read
 */
export async function* pages<
  TRead extends (variables: never) => Promise<unknown>,
  TPage extends Page,
>(
  read: TRead,
  variables: Paged<TRead>,
  pageOf: (data: Awaited<ReturnType<TRead>>) => TPage | null | undefined,
): AsyncGenerator<TPage, void, undefined> {
  // The types of a method's variables and answer belong together, which only its caller sees.
  const ask = read as unknown as (of: object) => Promise<Awaited<ReturnType<TRead>>>;
  const first: { readonly after?: string | null | undefined } = variables;
  let { after } = first;
  for (;;) {
    const page = pageOf(await ask({ ...first, after }));
    if (page === null || page === undefined) {
      throw new GatewayError('NOT_FOUND', 'There is no list to read: the account was not found.');
    }
    yield page;
    const { hasNextPage, endCursor } = page.pageInfo;
    if (!hasNextPage) return;
    if (endCursor === null || endCursor === after) {
      throw new GatewayError('BAD_ANSWER', 'The list has a next page, but no cursor leads to it.');
    }
    after = endCursor;
  }
}
