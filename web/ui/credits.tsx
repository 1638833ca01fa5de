import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Figure } from './figure.tsx';

export interface CreditsProps {
  readonly path: string;
  readonly value: string;
  /** Shows a plus before what was added. */
  readonly isSigned?: boolean;
}

/** Credits with two decimals, and all six for whoever hovers. */
export function Credits({ path, value, isSigned = false }: CreditsProps): ReactNode {
  const figures = useFigures();
  return (
    <Figure path={path} value={value} title={figures.exactCredits(value)}>
      {isSigned ? figures.signedCredits(value) : figures.credits(value)}
    </Figure>
  );
}
