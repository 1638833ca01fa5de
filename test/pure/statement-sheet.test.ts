// A statement as a person reads it: figures and instants written out, in both languages.

import { describe, expect, it } from '@jest/globals';
import { statementHtml } from '../../src/statements/html.ts';
import { type Sheet, sheetOf, type Table } from '../../src/statements/sheet.ts';
import { words } from '../../src/statements/words.ts';
import { de } from '../../web/words/de.ts';
import { en } from '../../web/words/en.ts';
import { EMPTY_DOCUMENT, EXAMPLE_DOCUMENT, signed } from '../support/example-statement.ts';

/** Date and time stand together, by a space that does not break. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const texts = ({ rows, total }: Table): readonly (readonly string[])[] =>
  [...rows, total].map((cells) => cells.map(({ text }) => plain(text)));
const facts = (list: Sheet['facts']): readonly (readonly string[])[] =>
  list.map(({ label, cell }) => [label, plain(cell.text)]);

describe('a statement in English', () => {
  const sheet = sheetOf(signed(), 'en');

  it('adds up in a column, to the last digit', () => {
    expect(texts(sheet.summary)).toEqual([
      ['Opening balance', '-12.500000'],
      ['Allocated', '+1,234,567.250000'],
      ['Used', '-1,000.000001'],
      ['Expired', '-75.000000'],
      ['Adjusted', '+0.500000'],
      ['Closing balance', '1,233,480.249999'],
    ]);
  });

  it('says what was used, the largest first, with its total', () => {
    expect(sheet.tables.map(({ title }) => title)).toEqual([
      'Used by category',
      'Used by component',
      'Used by hardware',
      'Used by resource',
      'Allocations in this billing cycle',
    ]);
    const [byCategory, byComponent, byHardware, byResource] = sheet.tables.map(texts);
    expect(byCategory).toEqual([
      ['Models', '899.500001'],
      ['Guardrails', '100.500000'],
      ['Total', '1,000.000001'],
    ]);
    expect(byComponent).toEqual([
      ['Hosting', '600.000001'],
      ['Processing', '400.000000'],
      ['Total', '1,000.000001'],
    ]);
    expect(byHardware).toEqual([
      ['gpu-a100-80gb', '600.000001'],
      ['Total', '600.000001'],
    ]);
    expect(byResource).toEqual([
      ['Классификация', 'Model deployment', 'dep-1', '899.500001'],
      ['PII "strict"', 'Guardrail', 'guard-1', '101.500000'],
      ['Ανάλυση', 'Guardrail', 'guard-2', '-1.000000'],
      ['Total', '', '', '1,000.000001'],
    ]);
  });

  it('lists allocations with instants of the account’s zone, each with the offset that it had', () => {
    const [lots] = sheet.tables.slice(-1).map(texts);

    expect(lots).toEqual([
      [
        'Promotion',
        '10',
        '2026-01-15 11:00:00 (UTC+01:00)',
        '2026-03-16 00:00:00 (UTC+01:00)',
        '75.000000',
        '0.000000',
      ],
      [
        'Plan',
        '50',
        '2026-03-01 00:00:00 (UTC+01:00)',
        'Never',
        '1,234,567.250000',
        '1,233,480.249999',
      ],
      ['Total', '', '', '', '', '1,233,480.249999'],
    ]);
  });

  it('says whose it is, of which time, and that there was a debt', () => {
    expect(facts(sheet.facts)).toEqual([
      ['Account', 'Søhne & <b>Töchter</b>'],
      ['Account ID', 'acme'],
      ['Billing cycle 3 from', '2026-03-01 00:00:00 (UTC+01:00)'],
      ['Billing cycle 3 to', '2026-04-01 00:00:00 (UTC+02:00)'],
      ['Issued at', '2026-04-01 00:00:01.250 (UTC+02:00)'],
      ['Time zone', 'Europe/Berlin'],
    ]);
    expect(sheet.title).toBe('Statement No. 3: Søhne & <b>Töchter</b>, 2026-03-01 to 2026-04-01');
    expect(sheet.notes.at(-1)).toMatch(/^A negative balance is a debt\./);
  });

  it('has all that proves it', () => {
    expect(facts(sheet.proof.facts)).toEqual([
      ['SHA-256 of this statement', 'c'.repeat(64)],
      ['SHA-256 of the one before', 'b'.repeat(64)],
      ['Signature (Base64)', `${'A1+/'.repeat(21)}A1==`],
      ['Hash of the last entry', 'a'.repeat(64)],
      ['Ledger entries', '118 to 4203'],
      ['Key', '2026-03'],
    ]);
    expect(sheet.proof.command).toContain('npm run verify -- statement-3.json');
  });
});

describe('a statement in German', () => {
  const sheet = sheetOf(signed(), 'de');

  it('has the same figures, with the comma and points of German', () => {
    expect(texts(sheet.summary)).toEqual([
      ['Anfangsstand', '-12,500000'],
      ['Zugeteilt', '+1.234.567,250000'],
      ['Verbraucht', '-1.000,000001'],
      ['Verfallen', '-75,000000'],
      ['Berichtigt', '+0,500000'],
      ['Endstand', '1.233.480,249999'],
    ]);
    expect(sheet.heading).toBe('Kontoauszug Nr. 3');
  });

  it('keeps the exact decimals of each amount', () => {
    const amounts = (language: 'en' | 'de'): readonly unknown[] => {
      const { summary, tables } = sheetOf(signed(), language);
      return [summary, ...tables].flatMap(({ rows, total }) =>
        [...rows, total].flat().flatMap(({ amount }) => amount ?? []),
      );
    };

    expect(amounts('de')).toEqual(amounts('en'));
    expect(amounts('de').slice(0, 3)).toEqual(['-12.5', '1234567.25', '-1000.000001']);
  });
});

describe('the words of statements', () => {
  it.each([
    ['en', words.en, en],
    ['de', words.de, de],
  ] as const)('are those of the Usage page: %s', (_language, own, page) => {
    expect(own.category).toEqual(page.credit.category);
    expect(own.component).toEqual(page.credit.component);
    expect(own.kind).toEqual(page.panel.kind);
    expect(own.sources).toEqual(page.creditsTab.sources);
    const { allocated, used, expired, adjusted, closing } = page.creditsTab;
    expect(own).toMatchObject({ allocated, used, expired, adjusted, closing });
  });

  it('name what has no word by its own name', () => {
    const used = {
      ...EXAMPLE_DOCUMENT.used,
      byCategory: [{ category: 'QUANTUM', credits: '1000.000001' }],
    };
    const [byCategory] = sheetOf(signed({ ...EXAMPLE_DOCUMENT, used }), 'de').tables;

    expect(byCategory?.rows[0]?.[0]?.text).toBe('QUANTUM');
  });
});

describe('a statement of a cycle without anything', () => {
  it('says so in sentences, and that none was before it', () => {
    const sheet = sheetOf(signed(EMPTY_DOCUMENT), 'en');

    expect(sheet.tables).toEqual([]);
    expect(sheet.remarks).toEqual([
      'Nothing was used in this billing cycle.',
      'There were no allocations in this billing cycle.',
    ]);
    expect(sheet.notes).toHaveLength(1);
    expect(facts(sheet.proof.facts)[1]).toEqual([
      'SHA-256 of the one before',
      'None: this is the first statement of the account.',
    ]);
  });
});

describe('the HTML of a statement', () => {
  it('takes every name for text', () => {
    const html = statementHtml(signed(), 'en');

    expect(html).not.toContain('<b>');
    expect(html).toContain('Søhne &amp; &lt;b&gt;Töchter&lt;/b&gt;');
    expect(html).toContain('PII &quot;strict&quot;');
  });

  it('holds nothing of elsewhere, no script, and no style but the one that its policy allows', () => {
    const html = statementHtml(signed(), 'en');

    expect(html).not.toMatch(/<script|<link|<img|url\(|@import|\sstyle=|\son\w+=/i);
    expect(html.match(/<style>/g)).toHaveLength(1);
  });
});
