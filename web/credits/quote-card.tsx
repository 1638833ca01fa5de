import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { HardwareProfilePartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';
import { QuoteAnswers } from './quote-answer.tsx';
import type { Deployment, Question } from './running.ts';

const DeploymentChooser = lazy(() =>
  import('./deployment-chooser.tsx').then((m) => ({ default: m.DeploymentChooser })),
);

const REPLICAS_MAX = 1000;

export interface QuoteCardProps {
  readonly accountId: string;
  readonly profiles: readonly HardwareProfilePartsFragment[];
}

interface Asked {
  readonly question: Question;
  readonly times: number;
}

/** What a deployment would cost, whether it is allowed, and how it moves the stop. Nothing is deployed. */
export function QuoteCard({ accountId, profiles }: QuoteCardProps): ReactNode {
  const words = useWords().quote;
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <Card title={words.title} aside={<span className="muted">{words.text}</span>}>
      <QuoteForm
        accountId={accountId}
        profiles={profiles}
        onAsk={(question) => {
          setAsked({ question, times: (asked?.times ?? 0) + 1 });
        }}
      />
      {asked !== null && (
        // Each time has its own answer, also of the same question: what was true some minutes ago is asked anew, and the answer to
        // another question is not shown for it meanwhile.
        <QuoteAnswers key={asked.times} question={asked.question} />
      )}
    </Card>
  );
}

interface QuoteFormProps extends QuoteCardProps {
  readonly onAsk: (question: Question) => void;
}

function QuoteForm({ accountId, profiles, onAsk }: QuoteFormProps): ReactNode {
  const words = useWords().quote;
  const [instead, setInstead] = useState<Deployment | null>(null);
  const ask = (form: FormData): void => {
    onAsk({
      input: {
        accountId,
        hardware: text(form, 'hardware'),
        replicas: Number(text(form, 'replicas')),
        ...(instead === null ? {} : { resourceId: instead.id }),
      },
      instead,
    });
  };
  return (
    <form
      className="quote"
      onSubmit={(event) => {
        event.preventDefault();
        ask(new FormData(event.currentTarget));
      }}
    >
      <label className="list-filter">
        <span>{words.hardware}</span>
        <HardwareSelect profiles={profiles} />
      </label>
      <label className="list-filter replicas">
        <span>{words.replicas}</span>
        <input
          className="field"
          name="replicas"
          type="number"
          min={1}
          max={REPLICAS_MAX}
          step={1}
          defaultValue={1}
          required
        />
      </label>
      <Suspense fallback={<div className="combo" />}>
        <DeploymentChooser accountId={accountId} chosen={instead} onChoose={setInstead} />
      </Suspense>
      <button type="submit" className="button primary">
        {words.ask}
      </button>
    </form>
  );
}

function HardwareSelect({
  profiles,
}: {
  readonly profiles: readonly HardwareProfilePartsFragment[];
}): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  return (
    <select className="field" name="hardware" required>
      {profiles.map(({ id, name, creditsPerHour }) => (
        <option key={id} value={name}>
          {name} – {words.anHour(figures.exactCredits(creditsPerHour))}
        </option>
      ))}
    </select>
  );
}

function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}
