import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import type { ExportProblem } from './download.ts';
import { MEMORY_MAX_BYTES } from './file.ts';

const RETRY_AFTER_SECONDS = 10;

export interface ProblemTextProps {
  readonly problem: ExportProblem;
  /** How many bytes had come. */
  readonly bytes: number;
}

/** Why a download did not come about, in what a person can do about it. */
export function ProblemText({ problem, bytes }: ProblemTextProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { kind, message, reference, retryAfterSeconds } = problem;
  const sentences = words.exports.problem;
  const said: Readonly<Record<ExportProblem['kind'], string>> = {
    ...sentences,
    wait: sentences.wait(figures.count(retryAfterSeconds ?? RETRY_AFTER_SECONDS)),
    'broken-off': sentences['broken-off'](figures.fileSize(bytes)),
    'too-large': sentences['too-large'](figures.fileSize(MEMORY_MAX_BYTES)),
    failed: message ?? sentences.failed,
  };
  return (
    <div className="export-state" role="alert">
      <p className="field-error">{said[kind]}</p>
      {(kind === 'too-much' || kind === 'no-price') && <p className="muted">{message}</p>}
      {kind === 'failed' && reference !== null && (
        <p className="muted">{words.state.reference(reference)}</p>
      )}
    </div>
  );
}
