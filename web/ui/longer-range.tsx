import type { ReactNode } from 'react';
import { hasDays, type RangeChoice } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';
import { AddressButton } from './address-link.tsx';

const DAYS = 90;

/** Whether a range is as long as the longest that the page offers. */
export function isLongest(range: RangeChoice): boolean {
  return hasDays(range, DAYS);
}

/** The way out of a range in which nothing was used: a longer one, unless it is as long already. */
export function LongerRange(): ReactNode {
  const words = useWords().overview;
  const { range } = useAddress();
  if (isLongest(range)) return null;
  return (
    <AddressButton change={{ range: { kind: 'preset', preset: '90d' } }}>
      {words.longer}
    </AddressButton>
  );
}
