import type { ReactNode } from 'react';
import { useOperation } from '../api/client.ts';
import { CreditsQuoteDocument } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { ProblemNote, Skeleton } from '../ui/card.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { useWords } from '../words/words.ts';
import {
  difference,
  type MaybeInstant,
  missingCredits,
  outlookOf,
  type QuoteAnswer,
  shiftOf,
} from './quote.ts';
import type { Deployment, Question } from './running.ts';

/** The answer to what was asked; asked for when it is first shown. */
export function QuoteAnswers({ question }: { readonly question: Question }): ReactNode {
  const { input, instead } = question;
  const { data, problem, reload } = useOperation(CreditsQuoteDocument, {
    accountId: input.accountId ?? null,
    input,
  });
  const { deploymentQuote: quote, account } = data ?? {};
  if (problem !== null) return <ProblemNote problem={problem} onRetry={reload} />;
  if (quote == null || account == null) return <Skeleton lines={2} />;
  return (
    <div role="status" className="quote-answer">
      <Asked question={question} />
      <Verdict answer={{ quote, account }} instead={instead} />
    </div>
  );
}

/** What the answer is about: the form may say something else by now. */
function Asked({ question: { input, instead } }: { readonly question: Question }): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  const what = words.runs(figures.count(input.replicas ?? 1), input.hardware);
  return (
    <p className="muted">
      {instead === null
        ? words.of(what)
        : words.ofInstead(
            what,
            instead.name,
            words.runs(figures.count(instead.replicas), instead.hardware),
          )}
    </p>
  );
}

interface VerdictProps {
  readonly answer: QuoteAnswer;
  readonly instead: Deployment | null;
}

function Verdict({ answer, instead }: VerdictProps): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  const { quote } = answer;
  const { stopNow, stopThen, usedUpThen } = outlookOf(answer);
  return (
    <>
      <p className={quote.allowed ? 'state state-OK' : 'state state-EXHAUSTED'}>
        {quote.allowed ? words.allowed : words.refused}
      </p>
      {!quote.allowed && <Reason answer={answer} />}
      <dl>
        <div>
          <dt>{words.price}</dt>
          <dd>
            <Figure path="quote.creditsPerHour" value={quote.creditsPerHour}>
              {figures.exactCredits(quote.creditsPerHour)}
            </Figure>
          </dd>
          {instead !== null && <Against amount={quote.creditsPerHour} instead={instead} />}
        </div>
        <When title={words.stopNow} path="quote.currentStopsAt" when={stopNow} />
        <When
          title={words.stopThen}
          path="quote.projectedStopsAt"
          when={stopThen}
          before={stopNow}
        />
        <When title={words.usedUpThen} path="quote.projectedExhaustsAt" when={usedUpThen} />
      </dl>
      {!quote.allowed && <p className="muted">{words.unknown}</p>}
    </>
  );
}

function Reason({ answer: { account, quote } }: { readonly answer: QuoteAnswer }): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  const { credits, creditPolicy } = account;
  // Only a state other than OK refuses; should another reason come, the gateway says it.
  if (credits.state === 'OK') return <p>{quote.message}</p>;
  return (
    <p>
      {words.needed(
        words.reason[credits.state],
        figures.exactCredits(credits.remaining),
        figures.exactCredits(creditPolicy.lowCredit),
      )}{' '}
      {words.missing(figures.exactCredits(missingCredits(account)))}
    </p>
  );
}

function Against({
  amount,
  instead,
}: {
  readonly amount: string;
  readonly instead: Deployment;
}): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  const more = difference(amount, instead.creditsPerHour);
  const sign = more.startsWith('-') ? '' : '+';
  return <dd className="list-sub">{words.against(sign + figures.exactCredits(more))}</dd>;
}

interface WhenProps {
  readonly title: string;
  readonly path: string;
  readonly when: MaybeInstant;
  /** When it is as it is now. */
  readonly before?: MaybeInstant;
}

function When({ title, path, when, before }: WhenProps): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  const shift = before === undefined ? null : shiftOf(before, when);
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {'at' in when ? (
          <Figure path={path} value={when.at}>
            <Instant at={when.at} />
          </Figure>
        ) : (
          <span className="muted">{words.without[when.without]}</span>
        )}
      </dd>
      {shift !== null && (
        <dd className="list-sub">
          {shift.isSooner
            ? words.sooner(figures.duration(shift.time))
            : words.later(figures.duration(shift.time))}
        </dd>
      )}
    </div>
  );
}
