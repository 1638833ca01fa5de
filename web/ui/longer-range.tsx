import type { ReactNode } from 'react';
import { hasDays } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';

const DAYS = 90;

/** The way out of a range in which nothing was used: a longer one, unless it is as long already. */
export function LongerRange(): ReactNode {
  const words = useWords().overview;
  const { range } = useAddress();
  if (hasDays(range, DAYS)) return null;
  return (
    <button
      type="button"
      className="button"
      onClick={() => {
        navigate({ range: { kind: 'preset', preset: '90d' } });
      }}
    >
      {words.longer}
    </button>
  );
}
