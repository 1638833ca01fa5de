// The tabs of rows: what the address asks of the server, and what there is to choose from.

import { describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../web/address/address.ts';
import {
  isUnused,
  languageOptions,
  selectedDeployments,
  selectedRows,
} from '../../web/rows/page.ts';

const MODELS = ['NAME', 'TYPE', 'CREDITS', 'STORAGE_CREDITS'] as const;
const SCRIPTS = ['NAME', 'STATUS', 'LANGUAGE', 'CREDITS'] as const;

describe('a tab asks', () => {
  it('for what the address chooses', () => {
    const address = parseAddress(
      '/usage/custom-scripts',
      '?q=sync&status=failed,deployed&language=Python,c%2B%2B&sort=-language',
    );

    expect(selectedRows(address, SCRIPTS)).toEqual({
      orderBy: { field: 'LANGUAGE', direction: 'DESC' },
      filter: {
        search: 'sync',
        statuses: ['DEPLOYED', 'FAILED'],
        languages: ['python', 'c++'],
      },
    });
  });

  it('for nothing that it does not have, or nobody knows', () => {
    const address = parseAddress(
      '/usage/models',
      '?status=failed&type=fine_tuned,tuned&language=python&sort=runs',
    );

    expect(selectedRows(address, MODELS)).toEqual({ filter: { modelTypes: ['FINE_TUNED'] } });
  });

  it.each([
    ['sort=name', { deploymentsOrderBy: { field: 'NAME', direction: 'ASC' } }],
    [
      'sort=-hosting_credits',
      { deploymentsOrderBy: { field: 'HOSTING_CREDITS', direction: 'DESC' } },
    ],
    ['sort=type', {}],
    ['', {}],
  ])('for the first deployments of a model in the order of the tab: %s', (query, order) => {
    expect(selectedDeployments(parseAddress('/usage/models', query))).toEqual({
      firstDeployments: 10,
      ...order,
    });
  });
});

describe('the languages to choose from', () => {
  it('are there once each, with those that are chosen already', () => {
    expect(languageOptions(['Python', 'JavaScript', 'PYTHON'], ['python', 'cobol'])).toEqual([
      { value: 'cobol', text: 'cobol' },
      { value: 'javascript', text: 'JavaScript' },
      { value: 'python', text: 'Python' },
    ]);
  });
});

describe('rows', () => {
  const nothing = {
    count: 2,
    runs: 0,
    credits: '0.000000',
    hostingTime: 'PT0S',
    hostingCredits: '0',
    fineTuningCredits: '0',
    storageCredits: '0',
    processingCredits: '0',
  };

  it('are unused when none ran, was hosted or charged', () => {
    expect(isUnused(nothing)).toBe(true);
    expect(isUnused({ ...nothing, credits: '0.000001' })).toBe(false);
    expect(isUnused({ ...nothing, runs: 1 })).toBe(false);
    expect(isUnused({ ...nothing, hostingTime: 'PT1M' })).toBe(false);
  });
});
