import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Figure } from './figure.tsx';

export interface CreditsProps {
  readonly path: string;
  readonly value: string;
  /** Shows a plus before what was added. */
  readonly isSigned?: boolean;
  /** Stands alone, not in a row or a link: the keyboard reaches it by itself. */
  readonly isSingle?: boolean;
  /** «of 300.00» */
  readonly inWords?: (amount: string) => string;
}

/**
 * Credits with two decimals; all six stand in their place while the figure, its row or its link is pointed at or has the focus,
 * and in a whole table that has it (styles/list.css). Only one of both is shown at a time, so a screen reader says one.
 */
export function Credits({
  path,
  value,
  isSigned = false,
  isSingle = false,
  inWords = (amount) => amount,
}: CreditsProps): ReactNode {
  const figures = useFigures();
  const short = isSigned ? figures.signedCredits : figures.credits;
  const exact = isSigned ? figures.signedSixDigits : figures.sixDigits;
  return (
    <Figure path={path} value={value} className="credits" isStop={isSingle}>
      <span className="credits-short">{inWords(short(value))}</span>
      <span className="credits-exact">{inWords(exact(value))}</span>
    </Figure>
  );
}
