import type { MouseEvent, ReactNode } from 'react';
import { type Address, formatAddress, START } from '../address/address.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import type { FleetQuery } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import { DEFAULT_SORT, nextSort } from './order.ts';

type Edge = NonNullable<FleetQuery['accounts']>['edges'][number];

/** The accounts of one page of the list; a press on a row opens the account's page. */
export function AccountsTable({ edges }: { readonly edges: readonly Edge[] }): ReactNode {
  const words = useWords().operators;
  return (
    <div className="list-scroll" tabIndex={0} role="region" aria-label={words.title}>
      <table className="list-table accounts">
        <thead>
          <tr>
            <SortHeader field="name">{words.account}</SortHeader>
            <th scope="col">{words.state}</th>
            <SortHeader field="remaining" isNumeric>
              {words.left}
            </SortHeader>
            <SortHeader field="burn_rate" isNumeric>
              {words.burn}
            </SortHeader>
            <SortHeader field="stops_at">{words.stops}</SortHeader>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <AccountRow key={edge.node.id} edge={edge} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SortHeaderProps {
  readonly field: string;
  readonly isNumeric?: boolean;
  readonly children: string;
}

function SortHeader({ field, isNumeric = false, children }: SortHeaderProps): ReactNode {
  const { sort } = useAddress();
  const now = sort ?? DEFAULT_SORT;
  const isSorted = now.field === field;
  const direction = now.descending ? 'descending' : 'ascending';
  return (
    <th
      scope="col"
      className={isNumeric ? 'numeric' : ''}
      aria-sort={isSorted ? direction : undefined}
    >
      <button
        type="button"
        className="list-sort"
        onClick={() => {
          navigate({ sort: nextSort(sort, field) });
        }}
      >
        {children}
        <span aria-hidden="true">{isSorted ? (now.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}

function AccountRow({ edge: { node, position } }: { readonly edge: Edge }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const to: Address = { ...START, accountId: node.id };
  const open = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <tr className="list-row" onClick={open}>
      <th scope="row">
        <a href={formatAddress(to)}>{node.name}</a>
        {node.externalId !== null && <span className="list-sub">{node.externalId}</span>}
      </th>
      <td>
        <span className={`state state-${position.state}`}>
          {words.credit.state[position.state]}
        </span>
      </td>
      <td className="numeric">
        <Figure
          path="position.remaining"
          value={position.remaining}
          title={figures.exactCredits(position.remaining)}
        >
          {figures.credits(position.remaining)}
        </Figure>
      </td>
      <td className="numeric">
        <Figure
          path="position.burnRatePerHour"
          value={position.burnRatePerHour}
          title={figures.exactCredits(position.burnRatePerHour)}
        >
          {figures.credits(position.burnRatePerHour)}
        </Figure>
      </td>
      <td>
        <NextStop position={position} />
      </td>
    </tr>
  );
}

function NextStop({ position }: { readonly position: Edge['position'] }): ReactNode {
  const words = useWords().operators;
  const figures = useFigures();
  const { stopsAt, asOf, state } = position;
  if (stopsAt === null) {
    return <span className="muted">{state === 'STOPPED' ? words.stopped : words.noStop}</span>;
  }
  const minutes = Math.max(0, Math.floor((Date.parse(stopsAt) - Date.parse(asOf)) / 60_000));
  return (
    <Figure path="position.stopsAt" value={stopsAt} title={figures.exactInstant(stopsAt)}>
      <time dateTime={stopsAt}>{figures.instant(stopsAt)}</time>
      <span className="list-sub">
        {words.inTime(figures.duration(`PT${Math.floor(minutes / 60)}H${minutes % 60}M`))}
      </span>
    </Figure>
  );
}
