// The places on the gauge of the balance card.

import { shareOf } from '../figures/decimal.ts';

/** The span of a gauge: from the lowest to the highest of what it shows, with a margin on both sides. */
export function gaugeSpan(levels: readonly bigint[]): {
  readonly from: bigint;
  readonly to: bigint;
} {
  const low = levels.reduce((least, level) => (level < least ? level : least), 0n);
  const high = levels.reduce((most, level) => (level > most ? level : most), 0n);
  const margin = (high - low) / 40n + 1n;
  return { from: low - margin, to: high + margin };
}

/** Where a level stands in the span of a gauge, 0 to 1. */
export function placeOn(
  span: { readonly from: bigint; readonly to: bigint },
  level: bigint,
): number {
  return Math.min(1, Math.max(0, shareOf(level - span.from, span.to - span.from)));
}
