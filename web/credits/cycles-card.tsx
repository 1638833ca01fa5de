import type { ReactNode } from 'react';
import { navigate } from '../address/use-address.ts';
import type { BillingCyclePartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { useWords } from '../words/words.ts';
import type { CreditsAccount } from './kinds.ts';

const TERMS = [
  { field: 'carriedOver', sign: '' },
  { field: 'allocated', sign: '+' },
  { field: 'used', sign: '−' },
  { field: 'expired', sign: '−' },
  { field: 'adjusted', sign: '+' },
  { field: 'closing', sign: '=' },
] as const;

/** How the balance of the running cycle comes about. */
export function EquationCard({ account }: { readonly account: CreditsAccount }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const cycle = account.billingCycle;
  return (
    <Card
      title={words.creditsTab.equation}
      aside={
        <span className="muted">
          {figures.instant(cycle.startsAt)} – {figures.instant(cycle.endsAt)}
        </span>
      }
    >
      <dl className="equation">
        {TERMS.map(({ field, sign }) => (
          <div key={field}>
            <dt>{field === 'closing' ? words.creditsTab.left : words.creditsTab[field]}</dt>
            <dd>
              {sign !== '' && <span className="sign">{sign}</span>}
              <Credits path={`billingCycle.${field}`} value={cycle[field]} isSingle />
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** The cycles, each with its equation; a press shows its ledger. */
export function CyclesCard({ account }: { readonly account: CreditsAccount }): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { nodes, totalCount } = account.billingCycles;
  return (
    <Card title={words.cycles}>
      <div className="list-scroll" tabIndex={0} role="region" aria-label={words.cycles}>
        <table className="list-table">
          <thead>
            <tr>
              <th scope="col">{words.cycle}</th>
              {TERMS.map(({ field, sign }) => (
                <th key={field} scope="col" className="numeric">
                  <span aria-hidden="true">{sign} </span>
                  {words[field]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map((cycle) => (
              <CycleRow
                key={cycle.id}
                cycle={cycle}
                isRunning={cycle.id === account.billingCycle.id}
              />
            ))}
          </tbody>
        </table>
      </div>
      {totalCount > nodes.length && (
        <p className="muted">
          {words.olderCycles(figures.count(nodes.length), figures.count(totalCount))}
        </p>
      )}
    </Card>
  );
}

interface CycleRowProps {
  readonly cycle: BillingCyclePartsFragment;
  readonly isRunning: boolean;
}

function CycleRow({ cycle, isRunning }: CycleRowProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { startsAt, endsAt } = cycle;
  const name = `${figures.day(startsAt)} – ${figures.day(endsAt)}`;
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="list-open"
          title={words.showCycle(name)}
          onClick={() => {
            navigate({ range: { kind: 'instants', from: startsAt, to: endsAt } });
          }}
        >
          {name}
        </button>
        {isRunning && <span className="list-sub">{words.running}</span>}
      </th>
      {TERMS.map(({ field }) => (
        <td key={field} className="numeric">
          <Credits path={`billingCycles.${field}`} value={cycle[field]} />
        </td>
      ))}
    </tr>
  );
}
