import type { ReactNode } from 'react';
import { AddressLink } from '../ui/address-link.tsx';
import { tabChange } from '../address/use-address.ts';
import { formatMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import { useLive } from './live.ts';
import { useLiveBalance, useLiveState } from './use-now.ts';

/** The balance at this moment, and its state; leads to the credits. */
export function BalanceChip(): ReactNode {
  const { connection } = useLive();
  const micro = useLiveBalance();
  const state = useLiveState();
  const words = useWords();
  const figures = useFigures();
  if (micro === null || state === null) return null;
  // Carried on between two balances of the gateway, so it is no value of an answer.
  const left = formatMicro(micro);
  return (
    <AddressLink
      className="chip"
      change={tabChange('credits')}
      data-connected={connection === 'open'}
    >
      <span className={`dot state-${state}`} aria-hidden="true" />
      <span className={`state-${state}`}>{words.credit.state[state]}</span>
      <span className="figure" title={figures.exactCredits(left)}>
        {words.credit.left(figures.credits(left))}
      </span>
      {connection === 'interrupted' && <span className="muted">{words.live.interrupted}</span>}
    </AddressLink>
  );
}
