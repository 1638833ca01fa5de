import type { ReactNode } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';

/** That the ledger has no entry to show, and a way to one that it may have. */
export function NoEntries({ creditsFrom }: { readonly creditsFrom: string }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { statuses, range } = useAddress();
  const isOfKind = statuses.length > 0;
  const isLongest = range.kind === 'preset' && range.preset === '90d';
  return (
    <div className="note">
      <p className="muted">
        {isOfKind ? words.creditsTab.noEntriesOfKind : words.creditsTab.noEntries}
        {isLongest &&
          !isOfKind &&
          ` ${words.creditsTab.ledgerBegins(figures.instant(creditsFrom))}`}
      </p>
      {isOfKind && (
        <button
          type="button"
          className="button"
          onClick={() => {
            navigate({ statuses: [] });
          }}
        >
          {words.creditsTab.allKinds}
        </button>
      )}
      {!isLongest && (
        <button
          type="button"
          className="button"
          onClick={() => {
            navigate({ range: { kind: 'preset', preset: '90d' } });
          }}
        >
          {words.overview.longer}
        </button>
      )}
    </div>
  );
}
