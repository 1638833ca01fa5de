import type { LedgerEntryKind } from '@billing-gateway/client/operations';
import type { Figures } from '../figures/figures.ts';
import type { Words } from '../words/words.ts';
import { eventText } from './charge-text.ts';
import type { CreditsAccount } from './kinds.ts';

export type Entry = CreditsAccount['ledger']['nodes'][number];
type Charge = Entry['charges']['nodes'][number];

/** What an entry of the ledger says, in the reader's language. The gateway's own description is in English. */
export function entryText(words: Words, figures: Figures, entry: Entry): string {
  const { kind, description } = entry;
  switch (kind) {
    case 'USAGE':
    case 'REVERSAL':
      return chargesText(words, figures, { ...entry, kind });
    case 'ALLOCATION':
    case 'EXPIRY':
    case 'VOID':
      return allocationText(words, figures, { ...entry, kind });
    case 'CARRY_OVER': {
      const { startsAt, endsAt } = entry.cycle;
      return words.creditsTab.entry.cycleEnd(figures.day(startsAt), figures.day(endsAt));
    }
    case 'ADJUSTMENT':
      // The reason, in the words of whoever made it.
      return description;
  }
}

type OfKind<K extends LedgerEntryKind> = Omit<Entry, 'kind'> & { readonly kind: K };

function allocationText(
  { creditsTab: words }: Words,
  figures: Figures,
  { allocation, kind }: OfKind<'ALLOCATION' | 'EXPIRY' | 'VOID'>,
): string {
  if (allocation === null) return words.kind[kind];
  const { source, note, effectiveAt } = allocation;
  const named = note === null ? words.sources[source] : `${words.sources[source]}: ${note}`;
  return kind === 'ALLOCATION' ? named : words.entry.leftOf(named, figures.day(effectiveAt));
}

function chargesText(
  all: Words,
  figures: Figures,
  { kind, charges: { nodes, totalCount } }: OfKind<'USAGE' | 'REVERSAL'>,
): string {
  const words = all.creditsTab;
  const [first] = nodes;
  if (first === undefined) return words.kind[kind];
  const text = words.entry[kind];
  const count = figures.count(totalCount);
  const name = nameOf(first);
  if (first.event === null) return totalCount === 1 ? text.hosting(name) : text.segments(count);
  if (totalCount > 1) return text.events(count);
  return text.event(eventText(all, figures, first.event), name);
}

function nameOf({ resource, model }: Charge): string {
  return resource?.name ?? model?.name ?? '';
}
