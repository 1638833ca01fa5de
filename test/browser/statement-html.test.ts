// The HTML of a statement in a real browser: what its tables say, and whether everybody can read them.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import type { StatementDocument } from '../../src/statements/document.ts';
import { type Rendered, statementForms } from '../../src/http/statement-forms.ts';
import {
  faultsOfForm,
  jsonInPage,
  openBrowser,
  openPage,
  type Watched,
} from '../support/browser.ts';
import { EMPTY_DOCUMENT, EXAMPLE_DOCUMENT, stored } from '../support/example-statement.ts';
import { textOfPages } from '../support/pdf-text.ts';

/** Each table of figures by its caption: the decimals of each row. */
const TABLES = `Object.fromEntries([...document.querySelectorAll('table.figures')].map((table) => [
  table.caption.textContent,
  [...table.tBodies[0].rows, ...table.tFoot.rows].map((row) =>
    [...row.querySelectorAll('data')].map((one) => one.value)),
]))`;

const ADDRESS = 'http://gateway.example';

/** With the headers that it is answered with, so under the policy that they set. */
async function rendered(document: StatementDocument, language: string): Promise<Rendered> {
  const { html } = statementForms;
  if (html === undefined) throw new Error('There is no HTML.');
  const wishes = { parameters: { lang: language }, acceptLanguage: undefined };
  return html.render(stored(document), wishes);
}

describe('the HTML of a statement', () => {
  let browser: Browser;
  let watched: Watched;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  const open = async (document: StatementDocument, language: 'en' | 'de'): Promise<void> => {
    watched = await openPage(browser, { baseURL: ADDRESS });
    const { body, contentType, headers } = await rendered(document, language);
    await watched.page.route(`${ADDRESS}/statement.html`, (route) =>
      route.fulfill({ body, contentType, headers: { ...headers } }),
    );
    await watched.page.goto('/statement.html');
  };

  it.each([
    ['en', 'Summary', 'Used by resource', 'Allocations in this billing cycle'],
    ['de', 'Übersicht', 'Verbrauch nach Ressource', 'Zuteilungen in diesem Abrechnungszyklus'],
  ] as const)('has the exact figures in its tables: %s', async (language, summary, use, lots) => {
    await open(EXAMPLE_DOCUMENT, language);
    const tables = await jsonInPage(watched.page, TABLES);

    expect(tables).toMatchObject({
      [summary]: [
        ['-12.5'],
        ['1234567.25'],
        ['-1000.000001'],
        ['-75'],
        ['0.5'],
        ['1233480.249999'],
      ],
      [use]: [['899.500001'], ['101.5'], ['-1'], ['1000.000001']],
      [lots]: [['75', '0'], ['1234567.25', '1233480.249999'], ['1233480.249999']],
    });
    expect(await watched.page.locator('html').getAttribute('lang')).toBe(language);
    await watched.close();
  });

  it('has heads for its columns and rows, and shows names as they are', async () => {
    await open(EXAMPLE_DOCUMENT, 'en');
    const { page } = watched;

    const table = page.getByRole('table', { name: 'Used by resource' });
    expect(await table.getByRole('columnheader').allTextContents()).toEqual([
      'Resource',
      'Kind',
      'External ID',
      'Credits',
    ]);
    expect(await table.getByRole('rowheader').allTextContents()).toEqual([
      'Классификация',
      'PII "strict"',
      'Ανάλυση',
      'Total',
    ]);
    expect(await page.getByRole('banner').textContent()).toContain('Søhne & <b>Töchter</b>');
    await watched.close();
  });

  it.each([
    ['with figures', EXAMPLE_DOCUMENT],
    ['of an empty cycle', EMPTY_DOCUMENT],
  ])('can be read by everybody, wide and narrow: %s', async (_which, document) => {
    await open(document, 'de');

    expect(await faultsOfForm(watched.page)).toEqual([]);
    // Its style is in force under its policy.
    expect(await jsonInPage(watched.page, `getComputedStyle(document.body).margin`)).toBe('0px');
    expect(watched.foreign).toEqual([]);
    expect(watched.complaints).toEqual([]);
    await watched.close();
  });

  it('is printed with the issuer, the account and the number of the page on each page, and the table’s head again', async () => {
    const [first] = EXAMPLE_DOCUMENT.used.byResource;
    const byResource = Array.from({ length: 120 }, (_, index) => ({
      id: `r${index}`,
      kind: 'GUARDRAIL',
      externalId: `guard-${index}`,
      name: `${first?.name ?? ''} ${index}`,
      credits: '8',
    }));
    await open({ ...EXAMPLE_DOCUMENT, used: { ...EXAMPLE_DOCUMENT.used, byResource } }, 'en');

    for (const format of ['A4', 'Letter'] as const) {
      const printed = await watched.page.pdf({ format, tagged: false });
      const pages = await textOfPages(printed);

      expect(pages.length).toBeGreaterThan(3);
      for (const [index, text] of pages.entries()) {
        expect(text).toContain('Nimbus & Co');
        expect(text).toContain('Statement No. 3');
        expect(text).toContain(`${index + 1} / ${pages.length}`);
      }
      // Each page with such rows has their head.
      const withRows = pages.filter((text) => text.includes('guard-'));
      expect(withRows.every((text) => text.includes('External ID'))).toBe(true);
      expect(withRows.length).toBeGreaterThan(1);
    }
    await watched.close();
  });
});
