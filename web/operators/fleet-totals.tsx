import type { ReactNode } from 'react';
import type { FleetQuery } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { State } from '../ui/status.tsx';
import { useWords } from '../words/words.ts';

type Totals = NonNullable<FleetQuery['accounts']>['totals'];

/** What all matching accounts have, owe and burn. */
export function FleetTotals({ totals }: { readonly totals: Totals }): ReactNode {
  const words = useWords().operators;
  const figures = useFigures();
  return (
    <Card title={words.totals}>
      <dl className="fleet">
        <div>
          <dt>{words.accounts}</dt>
          <dd>
            <Figure path="totals.accounts" value={totals.accounts}>
              {figures.count(totals.accounts)}
            </Figure>
          </dd>
          <dd className="unit">
            <Figure path="totals.burning" value={totals.burning}>
              {words.burning(figures.count(totals.burning))}
            </Figure>
          </dd>
        </div>
        <Total title={words.left} path="totals.remaining" value={totals.remaining} />
        <Total title={words.owed} path="totals.owed" value={totals.owed} />
        <Total title={words.burn} path="totals.burnRatePerHour" value={totals.burnRatePerHour} />
      </dl>
      <ul className="fleet-states">
        {totals.byState.map(({ state, accounts }) => (
          <li key={state}>
            <State state={state} />{' '}
            <Figure path={`totals.byState.${state}.accounts`} value={accounts}>
              {figures.count(accounts)}
            </Figure>
          </li>
        ))}
      </ul>
    </Card>
  );
}

interface TotalProps {
  readonly title: string;
  readonly path: string;
  readonly value: string;
}

function Total({ title, path, value }: TotalProps): ReactNode {
  const words = useWords().credit;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <Credits path={path} value={value} isSingle />
      </dd>
      <dd className="unit">{words.credits}</dd>
    </div>
  );
}
