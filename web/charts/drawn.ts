// What charts draw. A position on the screen needs no more than a Number; a figure that is read never comes from here.

import { parseMicro } from '../../src/core/micro.ts';

const MICRO = 1_000_000;

export interface BarPart {
  /** A class of the part's colour. */
  readonly className: string;
  readonly value: number;
}

export interface BarDatum {
  readonly key: string;
  /** Under the axis. */
  readonly label: string;
  readonly parts: readonly BarPart[];
  readonly isPartial: boolean;
}

/** A decimal as a position on an axis. */
export function drawn(decimal: string): number {
  return Number(parseMicro(decimal)) / MICRO;
}

/** Every how many-th bar has a label, so that labels do not touch. */
export function labelStep(bars: number, width: number, labelWidth: number): number {
  const fitting = Math.max(1, Math.floor(width / labelWidth));
  return Math.max(1, Math.ceil(bars / fitting));
}

/** The bar under a position, of bars that share a width evenly; null outside. */
export function barAt(x: number, width: number, bars: number): number | null {
  if (bars === 0 || x < 0 || x >= width) return null;
  return Math.floor((x / width) * bars);
}
