// The form that all benchmarks tell their figures in: one row each, beside its goal.

import type { ProcessorMs } from './processor.ts';
import { printTable } from './measure.ts';

/** What is to be reached. It is judged by the ratio; where a result has none, by the figure itself. */
export interface Goal {
  readonly least?: number;
  readonly most?: number;
  /** What the ratio is to, or the unit: "plain INSERT", "ms". */
  readonly of?: string;
}

/** A figure of a benchmark. */
export interface Result {
  readonly area: string;
  /** "batches of 1,000, one at a time, recordUsage". */
  readonly what: string;
  /** Null: it is told to be compared with others, and nothing is to be reached. */
  readonly goal: Goal | null;
  readonly figure: number;
  /** "events/s". */
  readonly unit: string;
  /** To a peer or another size, measured in turns. */
  readonly ratio: number | null;
  /** What one unit took of processors: one event, one page. */
  readonly processorMs: Partial<ProcessorMs> | null;
}

/** Whether a result reaches its goal; null where there is none. A figure that is missing reaches nothing. */
export function isMet({ goal, figure, ratio }: Result): boolean | null {
  if (goal === null) return null;
  const judged = ratio ?? figure;
  const { least = -Infinity, most = Infinity } = goal;
  return judged >= least && judged <= most;
}

/** Prints results as one table. */
export function printResults(title: string, results: readonly Result[]): void {
  printTable(
    title,
    [
      '',
      'goal',
      'figure',
      'ratio',
      'gateway’s processor ms a unit',
      'PostgreSQL’s processor ms a unit',
      'met',
    ],
    results.map((result) => [
      `${result.area}: ${result.what}`,
      goalText(result.goal),
      `${number(result.figure)} ${result.unit}`,
      result.ratio === null ? '' : result.ratio.toFixed(2),
      optional(result.processorMs?.gateway),
      optional(result.processorMs?.postgres),
      metText(isMet(result)),
    ]),
  );
}

function metText(met: boolean | null): string {
  if (met === null) return '';
  return met ? 'met' : '**missed**';
}

function goalText(goal: Goal | null): string {
  if (goal === null) return '';
  const { least, most, of } = goal;
  const bounds = [
    ...(least === undefined ? [] : [`≥ ${number(least)}`]),
    ...(most === undefined ? [] : [`≤ ${number(most)}`]),
  ];
  return [bounds.join(', '), of ?? ''].join(' ').trim();
}

function optional(value: number | undefined): string {
  return value === undefined ? '' : number(value);
}

/** Three digits, as a reader needs them. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  if (value === 0 || Number.isInteger(value)) return String(value);
  return Number(value.toPrecision(3)).toString();
}
