// Figures on the screen, read back into what they stand for.

import type { Locator, Page } from 'playwright-core';

/** A figure as the page shows it. */
export interface ShownFigure {
  /** Where it stands in the answer. */
  readonly path: string;
  /** What the page took for the answer's value. */
  readonly value: string | null;
  readonly text: string;
}

/** Every figure on the page, or in a part of it, in its order. */
export async function shownFigures(page: Page | Locator): Promise<readonly ShownFigure[]> {
  const figures: ShownFigure[] = [];
  for (const figure of await page.locator('[data-figure]').all()) {
    figures.push({
      path: (await figure.getAttribute('data-figure')) ?? '',
      value: await figure.getAttribute('data-value'),
      text: (await figure.innerText()).trim(),
    });
  }
  return figures;
}

/** The exact figures of a table's rows, by the rows' names in their order. */
export async function shownRows(
  table: Locator,
): Promise<ReadonlyMap<string, Readonly<Record<string, string | null>>>> {
  const rows = new Map<string, Readonly<Record<string, string | null>>>();
  for (const row of await table.locator('tbody').getByRole('row').all()) {
    const name = await row.getByRole('rowheader').innerText();
    const figures = await shownFigures(row);
    // A name stands after the sign that opens it, and before what is said of it in small.
    rows.set(
      name.replace(/^[▸▾]\s*/, '').split('\n')[0] ?? '',
      Object.fromEntries(figures.map(({ path, value }) => [path, value])),
    );
  }
  return rows;
}

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** Whether a text, in English, has the decimal in it, to the digits that it shows. Null: the value is no decimal. */
export function saysDecimal({ value, text }: ShownFigure): boolean | null {
  if (value === null || !DECIMAL.test(value)) return null;
  const numbers = text.replaceAll('−', '-').match(/-?\d[\d,]*(\.\d+)?/g) ?? [];
  return numbers.some((shown) => {
    const plain = shown.replaceAll(',', '');
    const digits = plain.split('.')[1]?.length ?? 0;
    return scaled(plain, digits) === scaled(value, digits);
  });
}

// As a whole number of the last digit, half of it away from zero.
function scaled(decimal: string, digits: number): bigint {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const kept = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  const rounded = Number(fraction[digits] ?? '0') >= 5 ? kept + 1n : kept;
  return decimal.startsWith('-') ? -rounded : rounded;
}

/** Every text and number of an answer; decimals without zeros at their end, so that each is written in one way. */
export function valuesOf(answer: unknown): readonly string[] {
  if (typeof answer === 'object' && answer !== null) return Object.values(answer).flatMap(valuesOf);
  return typeof answer === 'string' || typeof answer === 'number' ? [plainOf(String(answer))] : [];
}

/** "213.250000" → "213.25" */
export function plainOf(value: string): string {
  return DECIMAL.test(value) && value.includes('.') ? value.replace(/\.?0+$/, '') : value;
}
