// The PDF of a statement, read by another library: its figures in both languages, its pages, and that no letter of a name is lost.

import { beforeAll, describe, expect, it } from '@jest/globals';
import type { StatementDocument } from '../../src/statements/document.ts';
import { statementPdf } from '../../src/statements/pdf.service.ts';
import { EMPTY_DOCUMENT, EXAMPLE_DOCUMENT, signed } from '../support/example-statement.ts';
import { textOfPages, withPdf } from '../support/pdf-text.ts';

const textOf = async (document: StatementDocument, language: 'en' | 'de'): Promise<string> =>
  (await textOfPages(await statementPdf(signed(document), language))).join('\n');

/** A document with resources of these names. */
const named = (names: readonly string[]): StatementDocument => ({
  ...EXAMPLE_DOCUMENT,
  used: {
    ...EXAMPLE_DOCUMENT.used,
    byResource: names.map((name, index) => ({
      id: `r${index}`,
      kind: 'WORKFLOW',
      name,
      externalId: `wf-${index}`,
      credits: '2.5',
    })),
  },
});

describe('the PDF of a statement', () => {
  it.each([
    [
      'en',
      [
        'Statement No. 3',
        'Opening balance -12.500000',
        'Allocated +1,234,567.250000',
        'Used -1,000.000001',
        'Expired -75.000000',
        'Adjusted +0.500000',
        'Closing balance 1,233,480.249999',
        'Models 899.500001',
        'Guardrails 100.500000',
        'Hosting 600.000001',
        'Processing 400.000000',
        'gpu-a100-80gb 600.000001',
        'Классификация Model deployment dep-1 899.500001',
        'PII "strict" Guardrail guard-1 101.500000',
        'Ανάλυση Guardrail guard-2 -1.000000',
        'Total 1,233,480.249999',
        'Issued at',
        '2026-04-01 00:00:01.250 (UTC+02:00)',
        'Ledger entries',
        '118 to 4203',
      ],
    ],
    [
      'de',
      [
        'Kontoauszug Nr. 3',
        'Anfangsstand -12,500000',
        'Zugeteilt +1.234.567,250000',
        'Verbraucht -1.000,000001',
        'Verfallen -75,000000',
        'Berichtigt +0,500000',
        'Endstand 1.233.480,249999',
        'Modelle 899,500001',
        'Guardrails 100,500000',
        'Hosting 600,000001',
        'Verarbeitung 400,000000',
        'gpu-a100-80gb 600,000001',
        'Классификация Modell-Deployment dep-1 899,500001',
        'PII "strict" Guardrail guard-1 101,500000',
        'Ανάλυση Guardrail guard-2 -1,000000',
        'Summe 1.233.480,249999',
        'Ausgestellt am',
        '2026-04-01 00:00:01.250 (UTC+02:00)',
        'Buchungen',
        '118 bis 4203',
      ],
    ],
  ] as const)('has the figures and what proves them: %s', async (language, lines) => {
    const text = await textOf(EXAMPLE_DOCUMENT, language);

    expect(text.split('\n')).toEqual(expect.arrayContaining([...lines]));
    for (const code of ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)])
      expect(text).toContain(code);
    expect(text).toContain('A1+/'.repeat(21));
  });

  it('says of an empty cycle that it is', async () => {
    const text = await textOf(EMPTY_DOCUMENT, 'de');

    expect(text).toContain('In diesem Abrechnungszyklus wurde nichts verbraucht.');
    expect(text).toContain('Keiner: Dies ist der erste Auszug des Kontos.');
    expect(text).not.toContain('Verbrauch nach');
  });
});

describe('the pages of a long statement', () => {
  let pages: readonly string[];
  beforeAll(async () => {
    const names = Array.from({ length: 130 }, (_, index) => `Resource ${index}`);
    pages = await textOfPages(await statementPdf(signed(named(names)), 'en'));
  });

  it('say which they are of how many, whose statement it is, and who issued it', () => {
    expect(pages.length).toBeGreaterThan(3);
    for (const [index, text] of pages.entries()) {
      expect(text).toContain(`Page ${index + 1} of ${pages.length}`);
      expect(text).toContain('Nimbus & Co');
      expect(text).toContain('Statement No. 3 · Søhne & <b>Töchter</b>');
    }
  });

  it('have the heads of the columns above each part of a table', () => {
    const withRows = pages.filter((text) => text.includes('Resource 1'));

    expect(withRows.length).toBeGreaterThan(2);
    for (const text of withRows) expect(text).toContain('External ID');
  });

  it('have each resource once', () => {
    const found = pages.join('\n').match(/Resource \d+/g);

    expect(found?.length).toBe(130);
    expect(new Set(found).size).toBe(130);
  });
});

describe('the letters of a PDF', () => {
  it('are all there, in whatever script a name is written', async () => {
    const names = [
      'İstanbul Đặng Łódź',
      'Қазақ ђак',
      'Ανάλυση συμβολαίων',
      '发票识别（生产）',
      '請求書パイプライン',
      '청구서 분류',
      'تصنيف الفواتير',
      'סיווג חשבוניות',
      'Rakete 🚀 nachts',
    ];
    const text = await textOf(named(names), 'en');

    // The reading library takes a jump back to the left for no blank.
    const solid = text.replaceAll(' ', '');
    for (const name of names) expect(solid).toContain(name.replaceAll(' ', ''));
    expect(text).not.toContain('A box stands for');
  });

  it('stand as boxes where no font has them, and the statement says so', async () => {
    const text = await textOf(named(['การจัดประเภท']), 'en');

    expect(text).toContain('A box stands for a character that this print cannot show.');
  });

  it('stand on one line, whatever the name breaks it with', async () => {
    const text = await textOf(named(['first\r\nsecond\u0007third\u2028fourth']), 'en');

    expect(text.split('\n')).toContain('first second third fourth Workflow wf-0 2.500000');
    expect(text).not.toContain('A box stands for');
  });

  it('break a name that is too long for its column, and lose nothing of it', async () => {
    const long = 'supercalifragilistic_expialidocious_0123456789_'.repeat(5);
    const text = await textOf(named([long]), 'en');

    expect(text.replaceAll(/\s/g, '')).toContain(long);
  });
});

describe('the file', () => {
  it('is the same for the same statement, to the byte', async () => {
    const [first, second] = [
      await statementPdf(signed(), 'en'),
      await statementPdf(signed(), 'en'),
    ];

    expect(first.equals(second)).toBe(true);
  });

  it('says what it is: title, language, the date of issue, and an outline of its tables', async () => {
    const bytes = await statementPdf(signed(), 'de');
    const { info, language, tables } = await withPdf(bytes, async (pdf) => {
      const metadata = await pdf.getMetadata();
      const page = await pdf.getPage(1);
      const tree = JSON.stringify(await page.getStructTree());
      return {
        info: metadata.info as Readonly<Record<string, unknown>>,
        language: /\/Lang \(([a-z]+)\)/.exec(bytes.toString('latin1'))?.[1],
        tables: tree.match(/"role":"(Table|TH|H1|H2)"/g) ?? [],
      };
    });

    expect(info).toMatchObject({
      Title: 'Kontoauszug Nr. 3: Søhne & <b>Töchter</b>, 2026-03-01 bis 2026-04-01',
      Author: 'Nimbus & Co',
      CreationDate: 'D:20260331220001Z',
    });
    expect(language).toBe('de');
    expect(tables).toContain('"role":"Table"');
    // The summary alone has two heads of columns and six of rows.
    expect(tables.filter((role) => role === '"role":"TH"').length).toBeGreaterThanOrEqual(8);
  });
});

describe('many PDFs at once', () => {
  it('are made one by one; of more than twenty the others are refused, and may come again', async () => {
    const asked = Array.from({ length: 22 }, () => statementPdf(signed(EMPTY_DOCUMENT), 'en'));
    const outcomes = await Promise.allSettled(asked);

    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 20 }, () => 'fulfilled'),
      ...['rejected', 'rejected'],
    ]);
    expect(outcomes.at(-1)).toMatchObject({
      reason: { code: 'UNAVAILABLE', retryAfterSeconds: 5 },
    });
    expect((await statementPdf(signed(EMPTY_DOCUMENT), 'en')).subarray(0, 5).toString()).toBe(
      '%PDF-',
    );
  });
});
