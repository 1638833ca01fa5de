// Figures on the screen, read back into what they stand for.

import type { Page } from 'playwright-core';
import { jsonInPage } from './browser.ts';

/** A figure as the page shows it. */
export interface ShownFigure {
  /** Where it stands in the answer. */
  readonly path: string;
  /** What the page took for the answer's value. */
  readonly value: string | null;
  readonly text: string;
}

/** Every figure on the page, or in a part of it, in its order. */
export async function shownFigures(page: Page, part = 'body'): Promise<readonly ShownFigure[]> {
  const figures = `[...document.querySelectorAll('${part} [data-figure]')].map(${READ_FIGURE})`;
  return (await jsonInPage(page, figures)) as readonly ShownFigure[];
}

/** The exact figures of the view's first table, by the names of its rows in their order. */
export async function shownRows(
  page: Page,
): Promise<ReadonlyMap<string, Readonly<Record<string, string | null>>>> {
  const rows = (await jsonInPage(page, READ_ROWS)) as readonly {
    readonly name: string;
    readonly figures: readonly ShownFigure[];
  }[];
  return new Map(
    rows.map(({ name, figures }) => [
      // It stands after the sign that opens it, and before what is said of it in small.
      name.replace(/^[▸▾]\s*/, '').split('\n')[0] ?? '',
      Object.fromEntries(figures.map(({ path, value }) => [path, value])),
    ]),
  );
}

// All at once, so that no half of a change is read.
const READ_FIGURE = `(figure) => ({
  path: figure.dataset.figure,
  value: figure.dataset.value ?? null,
  text: figure.innerText.trim(),
})`;
const READ_ROWS = `[...(document.querySelector('main table')?.querySelectorAll('tbody tr') ?? [])].map((row) => ({
  name: row.querySelector('th')?.innerText ?? '',
  figures: [...row.querySelectorAll('[data-figure]')].map(${READ_FIGURE}),
}))`;

const DECIMAL = /^-?\d+(\.\d+)?$/;

/**
 * Those figures that are not of the answers, or whose text says something else. What was used may be shown with a minus sign
 * where it is subtracted.
 */
export function wrongFigures(
  figures: readonly ShownFigure[],
  answers: unknown,
): readonly ShownFigure[] {
  const answered = new Set(valuesOf(answers));
  const isAnswered = (value: string): boolean =>
    answered.has(plainOf(value)) || answered.has(plainOf(value).replace(/^-/, ''));
  return figures.filter(
    (figure) =>
      saysDecimal(figure) === false || (figure.value !== null && !isAnswered(figure.value)),
  );
}

/** Whether a text, in English, has the decimal in it, to the digits that it shows. Null: the value is no decimal. */
function saysDecimal({ value, text }: ShownFigure): boolean | null {
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
function valuesOf(answer: unknown): readonly string[] {
  if (typeof answer === 'object' && answer !== null) return Object.values(answer).flatMap(valuesOf);
  return typeof answer === 'string' || typeof answer === 'number' ? [plainOf(String(answer))] : [];
}

/** "213.250000" → "213.25" */
export function plainOf(value: string): string {
  return DECIMAL.test(value) && value.includes('.') ? value.replace(/\.?0+$/, '') : value;
}
