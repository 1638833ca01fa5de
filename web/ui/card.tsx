import { Component, type ReactNode, useEffect, useEffectEvent, useId } from 'react';
import type { Problem } from '../api/client.ts';
import { useWords } from '../words/words.ts';
import { AddressButton } from './address-link.tsx';
import { AllAccountsLink } from './all-accounts.tsx';
import { onNetwork } from './online.tsx';

export interface CardProps {
  readonly title: string;
  /** Stands beside the title: a chooser, a link. */
  readonly aside?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A titled region of the page. A fault inside it is shown in it, and does not take the rest. */
export function Card({ title, aside, className = '', children }: CardProps): ReactNode {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <header className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      <FaultBoundary>{children}</FaultBoundary>
    </section>
  );
}

interface FaultProps {
  readonly children: ReactNode;
}

interface FaultState {
  readonly hasFault: boolean;
  /** Whether the page lacks a part of its own code: it went offline, or another build is served by now. */
  readonly isPartMissing: boolean;
}

// The browsers' errors of import() have no name of their own.
function isMissingPart(error: unknown): boolean {
  return error instanceof TypeError && /import|module/i.test(error.message);
}

/** Shows a sentence in place of what threw while it was drawn. */
export class FaultBoundary extends Component<FaultProps, FaultState> {
  override state: FaultState = { hasFault: false, isPartMissing: false };

  static getDerivedStateFromError(error: unknown): FaultState {
    return { hasFault: true, isPartMissing: isMissingPart(error) };
  }

  override render(): ReactNode {
    if (!this.state.hasFault) return this.props.children;
    return (
      <ProblemNote
        problem={FAULT}
        onRetry={() => {
          // A part that could not be loaded is not asked for twice by the same page.
          if (this.state.isPartMissing) window.location.reload();
          else this.setState({ hasFault: false });
        }}
      />
    );
  }
}

const FAULT: Problem = { kind: 'failed', message: null, reference: null, retryAfterSeconds: null };

export interface ProblemNoteProps {
  readonly problem: Problem;
  readonly onRetry: () => void;
}

/** What went wrong, the reference to tell an operator, and a way on. */
export function ProblemNote({ problem, onRetry }: ProblemNoteProps): ReactNode {
  const words = useWords().state;
  const { kind, reference } = problem;
  const retryUnreached = useEffectEvent(() => {
    if (kind === 'offline') onRetry();
  });
  useEffect(
    () =>
      onNetwork(() => {
        if (navigator.onLine) retryUnreached();
      }),
    [],
  );
  return (
    <div className="note" role="alert">
      <p>{sentenceOf(problem, words)}</p>
      {reference !== null && <p className="muted">{words.reference(reference)}</p>}
      <div className="row">
        {kind === 'no-page' ? (
          <AddressButton change={{ page: null }}>{words.firstPage}</AddressButton>
        ) : (
          // Asking again does not bring events back.
          kind !== 'archived' && (
            <button type="button" className="button" onClick={onRetry}>
              {words.retry}
            </button>
          )
        )}
        {kind === 'not-found' && <AllAccountsLink isWayOut />}
      </div>
    </div>
  );
}

function sentenceOf(problem: Problem, words: ReturnType<typeof useWords>['state']): string {
  switch (problem.kind) {
    case 'offline':
      return words.unreachable;
    case 'refused':
    case 'not-found':
      return words.notFound;
    case 'no-page':
      return words.noPage;
    case 'archived':
      return words.archived;
    case 'wait':
      return words.wait(String(problem.retryAfterSeconds ?? 1));
    case 'failed':
      return problem.message ?? words.problem;
  }
}

/** The final shape of what is being loaded. `lines` of text, or a block of a height in CSS pixels. */
export function Skeleton({
  lines = 0,
  height = 0,
}: {
  readonly lines?: number;
  readonly height?: number;
}): ReactNode {
  const words = useWords().state;
  return (
    <div className="skeleton" role="status" aria-label={words.loading}>
      {height > 0 && <div className="skeleton-block" style={{ height }} />}
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className="skeleton-line" />
      ))}
    </div>
  );
}
