import type { ReactNode } from 'react';
import type { AlertWithCausePartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Instant } from '../ui/instant.tsx';
import { useWords } from '../words/words.ts';
import { alertState, alertText } from './alert-text.ts';

export interface AlertLineProps {
  readonly alert: AlertWithCausePartsFragment;
  /** Stands behind the instant. */
  readonly children?: ReactNode;
}

/** An alert as it is shown everywhere: the colour of its state, its sentence, and when it was. */
export function AlertLine({ alert, children }: AlertLineProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  return (
    <>
      <span className={`dot state-${alertState(alert.kind)}`} aria-hidden="true" />
      <div>
        <p>{alertText(words, figures, alert)}</p>
        <p className="muted">
          <Instant at={alert.crossedAt} />
          {children}
        </p>
      </div>
    </>
  );
}
