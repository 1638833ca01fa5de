import { lazy, type ReactNode } from 'react';
import { useAccount } from '../account.ts';
import { type Address, PRESETS } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { useWords } from '../words/words.ts';
import { PopupButton } from './popup-button.tsx';
import { spanText } from './span-text.ts';
import { useCurrentInView } from './use-current-in-view.ts';
import { ZonePicker } from './zone-picker.tsx';

const CustomRange = lazy(() =>
  import('./custom-range.tsx').then((m) => ({ default: m.CustomRange })),
);

/** Chooses the range and its zone, and says which instants they mean. */
export function RangeBar(): ReactNode {
  const { range } = useAddress();
  const words = useWords().range;
  const bar = useCurrentInView(range.kind === 'preset' ? range.preset : range.kind);
  return (
    <div className="range-bar">
      <nav ref={bar} className="segments" aria-label={words.label}>
        {PRESETS.map((preset) => (
          <AddressLink
            key={preset}
            change={{ range: { kind: 'preset', preset } }}
            aria-current={range.kind === 'preset' && range.preset === preset ? 'true' : undefined}
          >
            {words.preset[preset]}
          </AddressLink>
        ))}
        <PopupButton
          aria-current={range.kind === 'preset' ? undefined : 'true'}
          popup={CustomRange}
        >
          {words.custom}
        </PopupButton>
      </nav>
      <p className="resolved">
        <Resolved range={range} />
        <ZonePicker />
      </p>
    </div>
  );
}

function Resolved({ range }: { readonly range: Address['range'] }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const resolved = useAccount()?.usage?.range;
  if (resolved === undefined) return null;
  return <span className="figure">{spanText(words, figures, { range, resolved })}</span>;
}
