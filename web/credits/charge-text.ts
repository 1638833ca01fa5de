import type { UsageEventType } from '@billing-gateway/client/operations';
import type { Figures } from '../figures/figures.ts';
import type { Words } from '../words/words.ts';

export interface ChargedEvent {
  readonly quantity: number;
  readonly unit: string | null;
  readonly type: UsageEventType;
}

/** What an event counted: "14 GB-days", or its type where it was recorded without a unit. */
export function eventText(
  { creditsTab: words }: Words,
  figures: Figures,
  { quantity, unit, type }: ChargedEvent,
): string {
  const count = figures.count(quantity);
  // Units are the platform's own words, mostly in the plural: «1 × jobs».
  if (unit !== null) return quantity === 1 ? words.entry.event(count, unit) : `${count} ${unit}`;
  const name = words.eventType[type];
  return quantity === 1 ? name : words.entry.event(count, name);
}
