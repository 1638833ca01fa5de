import type { ReactNode } from 'react';
import type { Tab } from '../address/address.ts';
import { Card } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';

/** A tab of rows: one kind of resources with what each used in the range. */
export function RowsView({ tab }: { readonly tab: Tab }): ReactNode {
  const words = useWords();
  return <Card title={words.frame.tab[tab]}>{null}</Card>;
}
