// Cells of exported CSV: what a reader of RFC 4180 gets back, and what a spreadsheet would take for a formula.

import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { Column } from '../../src/exports/columns.ts';
import { csvForm, textCell } from '../../src/exports/csv.ts';

interface One {
  readonly text: string | null;
  readonly amount: string;
}

const columns: readonly Column<One>[] = [
  { name: 'text', kind: 'text', value: (row) => row.text },
  { name: 'amount', kind: 'number', value: (row) => row.amount },
];
const instants = { utc: String, local: String };
const form = csvForm(columns, { bom: false, instants });

function readBack(row: One): unknown {
  return parse(form.head + form.row(row, { value: null, id: 1 }), { columns: true });
}

describe('a text cell', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['  =1', "'  =1"],
    ['\u00a0=1', "'\u00a0=1"],
    ['\ufeff=1', "'\ufeff=1"],
    ['＝1', "'＝1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠x', "'＠x"],
    ['\0x', "'\0x"],
    ['\rx', '"\'\rx"'],
  ])('that begins like a formula is marked as text: %j', (text, cell) => {
    expect(textCell(text)).toBe(cell);
  });

  it.each(['a=b', 'a-b', "'=1", '1', '', 'Müller', '(=1)'])(
    'is left as it is otherwise: %j',
    (text) => {
      expect(textCell(text)).toBe(text);
    },
  );

  it('comes back as it was, but for the mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const [row] = readBack({ text, amount: '1' }) as [{ text: string }];
        const looksLikeFormula = /^[=+\-@\t\r\0＝＋－＠]/.test(text.trimStart() || text);

        expect([text, `'${text}`]).toContain(row.text);
        expect(looksLikeFormula && row.text === text).toBe(false);
      }),
    );
  });
});

it('never touches a number, so that a debt stays one', () => {
  expect(readBack({ text: null, amount: '-12.5' })).toEqual([{ text: '', amount: '-12.5' }]);
});

it('ends each line with CR LF, and begins with a byte order mark only if asked to', () => {
  expect(form.head).toBe('text,amount\r\n');
  expect(form.row({ text: 'a "b", c\nd', amount: '1' }, { value: null, id: 1 })).toBe(
    '"a ""b"", c\nd",1\r\n',
  );
  expect(csvForm(columns, { bom: true, instants }).head).toBe('\ufefftext,amount\r\n');
});
