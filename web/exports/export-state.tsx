import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { CurrentExport } from './current.ts';
import type { FinishedExport } from './download.ts';
import { ProblemText } from './problem-text.tsx';
import { cancelExport } from './run.ts';

/** How far the download has come, or how it ended. */
export function ExportState({ current }: { readonly current: CurrentExport }): ReactNode {
  const words = useWords().exports;
  switch (current.state) {
    case 'running':
      return <Running bytes={current.bytes} />;
    case 'cancelled':
      return <p role="status">{words.cancelled}</p>;
    case 'failed':
      return <ProblemText problem={current.problem} bytes={current.bytes} />;
    case 'done':
      return <Done {...current} />;
  }
}

function Running({ bytes }: { readonly bytes: number }): ReactNode {
  const words = useWords().exports;
  const figures = useFigures();
  // How much will come is not known before it has.
  return (
    <div className="export-state">
      <progress aria-label={words.progress} />
      <div className="row">
        <span className="figure">{words.soFar(figures.fileSize(bytes))}</span>
        <button type="button" className="button" autoFocus onClick={cancelExport}>
          {words.cancel}
        </button>
      </div>
    </div>
  );
}

function Done({ choice, finished }: CurrentExport & { readonly state: 'done' }): ReactNode {
  const words = useWords().exports;
  const figures = useFigures();
  const { fileName, rows, credits, bytes, sha256 }: FinishedExport = finished;
  return (
    <div className="export-state" role="status">
      <p>
        {words.done(fileName, rows, figures.count(rows))}{' '}
        {credits !== null && (
          <Figure path="export.credits" value={credits}>
            {words.sum[choice.name](figures.exactCredits(credits))}
          </Figure>
        )}
      </p>
      <p className="muted">{words.checked(figures.count(bytes))}</p>
      <p className="muted hash">
        SHA-256 <code>{sha256}</code>
      </p>
    </div>
  );
}
