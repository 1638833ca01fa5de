import type { Address } from '../address/address.ts';
import type { RangePartsFragment } from '@billing-gateway/client/operations';
import type { Figures } from '../figures/figures.ts';
import type { Words } from '../words/words.ts';

export interface ShownSpan {
  readonly range: Address['range'];
  readonly resolved: RangePartsFragment;
}

/** «29 Oct 2026, 00:00 – now»: the range as it is written out; the zone stands beside it. */
export function spanText(
  { range: words }: Words,
  figures: Figures,
  { range, resolved }: ShownSpan,
): string {
  const { from, to, preset } = resolved;
  if (preset !== null && preset !== 'PREVIOUS_CYCLE') {
    return words.span(figures.instant(from), words.now);
  }
  if (range.kind !== 'days') return words.span(figures.instant(from), figures.instant(to));
  // The end is exclusive; people name the last day.
  const last = figures.day(new Date(Date.parse(to) - 1).toISOString());
  const first = figures.day(from);
  return first === last ? first : words.span(first, last);
}
