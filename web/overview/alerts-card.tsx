import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { alertState, alertText } from '../live/alert-text.ts';
import { useLive } from '../live/live.ts';
import { Card } from '../ui/card.tsx';
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
        {latest.map((alert) => (
          <li key={alert.sequence}>
            <span className={`dot state-${alertState(alert.kind)}`} aria-hidden="true" />
            <div>
              <p>{alertText(words, figures, alert)}</p>
              <p className="muted" title={figures.exactInstant(alert.crossedAt)}>
                <time dateTime={alert.crossedAt}>{figures.instant(alert.crossedAt)}</time>
              </p>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}
