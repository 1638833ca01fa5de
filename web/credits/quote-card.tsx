import { type ReactNode, useState } from 'react';
import { useOperation } from '../api/client.ts';
import {
  type DeploymentQuoteInput,
  DeploymentQuoteDocument,
  type DeploymentQuoteQuery,
  type HardwareProfilePartsFragment,
} from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { Card, ProblemNote, Skeleton } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';

const REPLICAS_MAX = 1000;

export interface QuoteCardProps {
  readonly accountId: string;
  readonly profiles: readonly HardwareProfilePartsFragment[];
}

/** What a deployment would cost, whether it is allowed, and how it moves the stop. Nothing is deployed. */
export function QuoteCard({ accountId, profiles }: QuoteCardProps): ReactNode {
  const words = useWords().quote;
  const [input, setInput] = useState<DeploymentQuoteInput | null>(null);
  return (
    <Card title={words.title} aside={<span className="muted">{words.text}</span>}>
      <QuoteForm accountId={accountId} profiles={profiles} onAsk={setInput} />
      {input !== null && <Answer input={input} />}
    </Card>
  );
}

interface QuoteFormProps extends QuoteCardProps {
  readonly onAsk: (input: DeploymentQuoteInput) => void;
}

function QuoteForm({ accountId, profiles, onAsk }: QuoteFormProps): ReactNode {
  const words = useWords().quote;
  const ask = (form: FormData): void => {
    const replicas = Number(text(form, 'replicas'));
    const resourceId = text(form, 'instead').trim();
    onAsk({
      accountId,
      hardware: text(form, 'hardware'),
      replicas: Math.min(REPLICAS_MAX, Math.max(1, Math.trunc(replicas) || 1)),
      ...(resourceId === '' ? {} : { resourceId }),
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
      <label className="list-filter">
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
      <label className="list-filter">
        <span>{words.instead}</span>
        <input className="field" name="instead" autoComplete="off" spellCheck={false} />
      </label>
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
          {name} – {words.anHour(figures.credits(creditsPerHour))}
        </option>
      ))}
    </select>
  );
}

function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

function Answer({ input }: { readonly input: DeploymentQuoteInput }): ReactNode {
  const words = useWords().quote;
  const { data, problem, reload } = useOperation(DeploymentQuoteDocument, { input });
  const quote = data?.deploymentQuote;
  if (problem !== null) return <ProblemNote problem={problem} onRetry={reload} />;
  if (quote == null) return <Skeleton lines={2} />;
  return (
    <div role="status">
      <dl className="quote-answer">
        <div>
          <dt>{words.price}</dt>
          <dd>
            <Credits path="quote.creditsPerHour" value={quote.creditsPerHour} isSingle />
          </dd>
        </div>
        <Allowed quote={quote} />
        <Instant title={words.stopNow} at={quote.currentStopsAt} without={words.never} />
        <Instant title={words.stopThen} at={quote.projectedStopsAt} without={words.never} />
        <Instant
          title={words.usedUpThen}
          at={quote.projectedExhaustsAt}
          without={words.notUsedUp}
        />
      </dl>
    </div>
  );
}

type Quote = NonNullable<DeploymentQuoteQuery['deploymentQuote']>;

function Allowed({ quote }: { readonly quote: Quote }): ReactNode {
  const words = useWords().quote;
  return (
    <div>
      <dt className="visually-hidden">{words.allowed}</dt>
      <dd className={quote.allowed ? 'state state-OK' : 'state state-EXHAUSTED'}>
        {quote.allowed ? words.allowed : words.refused}
      </dd>
      {quote.message !== null && <dd className="list-sub">{quote.message}</dd>}
    </div>
  );
}

interface InstantProps {
  readonly title: string;
  readonly at: string | null;
  readonly without: string;
}

function Instant({ title, at, without }: InstantProps): ReactNode {
  const figures = useFigures();
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {at === null ? (
          <span className="muted">{without}</span>
        ) : (
          <Figure path="quote.instant" value={at} title={figures.exactInstant(at)}>
            <time dateTime={at}>{figures.instant(at)}</time>
          </Figure>
        )}
      </dd>
    </div>
  );
}
