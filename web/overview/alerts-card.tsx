import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { alertState } from '../live/alert-text.ts';
import { useLive } from '../live/live.ts';
import { Card } from '../ui/card.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewAccount } from './categories.ts';

const LATEST = 5;

/** What the account was told last. */
export function AlertsCard({ account }: { readonly account: OverviewAccount }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const live = useLive().alerts;
  // The answer lists the oldest first.
  const known = live.length > 0 ? live : account.alerts.nodes.toReversed();
  const latest = known.slice(0, LATEST);
  return (
    <Card title={words.overview.alerts} className="side">
      {latest.length === 0 && <p className="muted">{words.overview.noAlerts}</p>}
      <ul className="alerts">
        {latest.map(({ id, kind, crossedAt, remaining, runsRemaining }) => (
          <li key={id}>
            <span className={`state state-${alertState(kind)}`}>
              {words.overview.alertKind[kind]}
            </span>
            <Figure
              path={`alerts.${id}`}
              value={runsRemaining ?? remaining}
              title={figures.exactInstant(crossedAt)}
              className="muted"
            >
              {runsRemaining === null
                ? words.credit.left(`${figures.credits(remaining)} ${words.credit.credits}`)
                : words.credit.left(`${figures.count(runsRemaining)} ${words.credit.runs}`)}
              {' · '}
              <time dateTime={crossedAt}>{figures.instant(crossedAt)}</time>
            </Figure>
          </li>
        ))}
      </ul>
    </Card>
  );
}
