import type { ReactNode } from 'react';
import { Card } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';

/** The account's credits: allocations, ledger, cycles, and what a deployment would cost. */
export function CreditsView(): ReactNode {
  const words = useWords();
  return <Card title={words.frame.tab.credits}>{null}</Card>;
}
