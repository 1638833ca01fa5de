import type { ReactNode } from 'react';
import { AlertLine } from '../live/alert-line.tsx';
import { useLive } from '../live/live.ts';
import { Card } from '../ui/card.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewAccount } from './categories.ts';

const LATEST = 5;

/** What the account was told last. */
export function AlertsCard({ account }: { readonly account: OverviewAccount }): ReactNode {
  const words = useWords().overview;
  const live = useLive().alerts;
  // The answer lists the oldest first.
  const known = live.length > 0 ? live : account.alerts.nodes.toReversed();
  const latest = known.slice(0, LATEST);
  return (
    <Card title={words.alerts}>
      {latest.length === 0 && <p className="muted">{words.noAlerts}</p>}
      <ul className="alerts" role="list">
        {latest.map((alert) => (
          <li key={alert.sequence}>
            <AlertLine alert={alert} />
          </li>
        ))}
      </ul>
    </Card>
  );
}
