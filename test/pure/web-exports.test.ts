// What the page asks the gateway for when something is exported.

import { describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../web/address/address.ts';
import { EXPORTS, exportPath, firstChoice, suggestedName } from '../../web/exports/choice.ts';
import { exportNames, parseExportRequest } from '../../src/exports/request.ts';

const address = (path: string): ReturnType<typeof parseAddress> => {
  const [tab = '', query = ''] = path.split('?');
  return parseAddress(tab, query);
};

describe('what the menu begins with', () => {
  it('is usage by the bars that are shown', () => {
    expect(firstChoice(address('/usage/models?by=week'))).toMatchObject({
      name: 'usage',
      format: 'csv',
      width: 'week',
    });
  });

  it('is the ledger among the credits', () => {
    expect(firstChoice(address('/usage/credits')).name).toBe('ledger');
  });
});

describe('the address of an export', () => {
  it.each([
    ['/usage/overview?range=last-cycle', { preset: 'PREVIOUS_CYCLE' }],
    [
      '/usage/overview?range=2026-03-01..2026-03-09',
      { fromDay: '2026-03-01', toDay: '2026-03-09' },
    ],
    [
      '/usage/overview?range=2026-03-01T00:00Z..2026-03-02T12:00Z',
      { from: Date.parse('2026-03-01T00:00Z'), to: Date.parse('2026-03-02T12:00Z') },
    ],
    ['/usage/overview?tz=Asia/Tokyo', { preset: 'LAST_30_DAYS', timeZone: 'Asia/Tokyo' }],
  ])('has the range of %s, as the gateway reads it', (view, range) => {
    const choice = { ...firstChoice(address(view)), width: null, groupBy: ['OWNER'] } as const;

    expect(read(exportPath(choice, address(view)))).toMatchObject({
      ...{ name: 'usage', format: 'csv', granularity: null, groupBy: ['OWNER'] },
      ...{ accountId: null, range },
    });
  });

  it('names the account that an operator looks at', () => {
    const view = address('/usage/overview?account=abc');
    expect(read(exportPath(firstChoice(view), view)).accountId).toBe('abc');
  });

  it('is one that the gateway takes, for each export and format', () => {
    const view = address('/usage/overview');
    const paths = EXPORTS.map((name) =>
      exportPath({ ...firstChoice(view), name, format: 'ndjson' }, view),
    );
    expect(paths.map(read).map(({ name }) => name)).toEqual(EXPORTS);
  });
});

/** The request that the gateway makes of an address. */
function read(path: string): ReturnType<typeof parseExportRequest> {
  const { pathname, searchParams } = new URL(path, 'http://gateway');
  const name = Object.values(exportNames).find((one) => pathname === `/v1/exports/${one}`);
  if (name === undefined) throw new Error(pathname);
  return parseExportRequest(name, Object.fromEntries(searchParams), null);
}

describe('the name that is offered for a file', () => {
  it('has the first and the last day of the range in its zone', () => {
    const choice = firstChoice(address('/usage/overview'));
    const range = {
      preset: null,
      // Midnight in Berlin, in winter and in summer.
      from: '2026-02-28T23:00:00.000Z',
      to: '2026-03-31T22:00:00.000Z',
      timeZone: 'Europe/Berlin',
    };
    expect(suggestedName(choice, range)).toBe('usage-2026-03-01-2026-03-31.csv');
  });

  it('has none where no range is known', () => {
    expect(suggestedName(firstChoice(address('/usage/credits')), undefined)).toBe('ledger.csv');
  });
});
