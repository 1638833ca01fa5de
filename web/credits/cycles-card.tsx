import type { ReactNode } from 'react';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import {
  type BillingCyclePartsFragment,
  BillingCyclesDocument,
} from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import { type CreditsAccount, type Sign, termOf } from './kinds.ts';
import { focusOf, type MoreRowProps, MoreRows, PendingRow } from './more.tsx';

const TERMS = [
  { field: 'carriedOver', sign: '' },
  { field: 'allocated', sign: '+' },
  { field: 'used', sign: '−' },
  { field: 'expired', sign: '−' },
  { field: 'adjusted', sign: '+' },
  { field: 'closing', sign: '=' },
] as const;
const COLUMNS = TERMS.length + 1;
const PAGE = 25;

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
              <Term sign={sign} path={`billingCycle.${field}`} value={cycle[field]} />
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

interface TermProps {
  readonly sign: Sign;
  readonly path: string;
  readonly value: string;
}

function Term({ sign, path, value }: TermProps): ReactNode {
  const term = termOf(sign, value);
  return (
    <>
      {term.sign !== '' && <span className="sign">{term.sign}</span>}
      <Credits
        path={path}
        value={value}
        inWords={(amount) => (term.value === value ? amount : amount.replace(/^[-−]/, ''))}
        isSingle
      />
    </>
  );
}

/** The cycles, each with its equation; a press shows its ledger. */
export function CyclesCard({
  account: { billingCycle, billingCycles },
}: {
  readonly account: CreditsAccount;
}): ReactNode {
  const words = useWords().creditsTab;
  return (
    <Card title={words.cycles}>
      <StackedTable
        label={words.cycles}
        className="cycles"
        columns={[
          { label: words.cycle },
          ...TERMS.map(({ field, sign }) => ({ label: words[field], sign, isNumeric: true })),
        ]}
      >
        <tbody role="rowgroup">
          {billingCycles.nodes.map((cycle) => (
            <CycleRow key={cycle.id} cycle={cycle} isRunning={cycle.id === billingCycle.id} />
          ))}
          <MoreRows pageInfo={billingCycles.pageInfo} label={words.olderCycles} columns={COLUMNS}>
            {(after) => <OlderCycles after={after} />}
          </MoreRows>
        </tbody>
      </StackedTable>
    </Card>
  );
}

function OlderCycles({ after }: { readonly after: string }): ReactNode {
  const words = useWords().creditsTab;
  const { accountId } = useAddress();
  const { data, problem, reload } = useOperation(BillingCyclesDocument, {
    accountId,
    first: PAGE,
    after,
  });
  const page = data?.account?.billingCycles;
  if (page === undefined) {
    return <PendingRow columns={COLUMNS} problem={problem} onRetry={reload} />;
  }
  return (
    <>
      {page.nodes.map((cycle, at) => (
        <CycleRow key={cycle.id} cycle={cycle} takesFocus={at === 0} />
      ))}
      <MoreRows pageInfo={page.pageInfo} label={words.olderCycles} columns={COLUMNS}>
        {(next) => <OlderCycles after={next} />}
      </MoreRows>
    </>
  );
}

interface CycleRowProps extends MoreRowProps {
  readonly cycle: BillingCyclePartsFragment;
  readonly isRunning?: boolean;
}

function CycleRow({ cycle, isRunning = false, takesFocus }: CycleRowProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { startsAt, endsAt } = cycle;
  const name = `${figures.day(startsAt)} – ${figures.day(endsAt)}`;
  return (
    <tr role="row" {...focusOf(takesFocus)}>
      <th role="rowheader" scope="row">
        <AddressLink
          className="list-open"
          change={{ range: { kind: 'instants', from: startsAt, to: endsAt } }}
          title={words.showCycle(name)}
        >
          {name}
        </AddressLink>
        {isRunning && <span className="badge-running">{words.running}</span>}
      </th>
      {TERMS.map(({ field, sign }) => (
        <Cell key={field} label={words[field]} sign={sign} isNumeric>
          <Credits path={`billingCycles.${field}`} value={cycle[field]} />
        </Cell>
      ))}
    </tr>
  );
}
