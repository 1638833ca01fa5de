import type { ReactNode } from 'react';
import { useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { AddressButton } from '../ui/address-link.tsx';
import { isLongest, LongerRange } from '../ui/longer-range.tsx';
import { useWords } from '../words/words.ts';

/** That the ledger has no entry to show, and a way to one that it may have. */
export function NoEntries({ creditsFrom }: { readonly creditsFrom: string }): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { statuses, range } = useAddress();
  const isOfKind = statuses.length > 0;
  return (
    <div className="note">
      <p className="muted">
        {isOfKind ? words.noEntriesOfKind : words.noEntries}
        {isLongest(range) && !isOfKind && ` ${words.ledgerBegins(figures.instant(creditsFrom))}`}
      </p>
      {isOfKind && <AddressButton change={{ statuses: [] }}>{words.allKinds}</AddressButton>}
      <LongerRange />
    </div>
  );
}
