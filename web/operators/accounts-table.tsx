import type { MouseEvent, ReactNode } from 'react';
import { type Address, formatAddress, START } from '../address/address.ts';
import { navigate } from '../address/use-address.ts';
import type { FleetQuery } from '@billing-gateway/client/operations';
import { Countdown } from '../live/countdown.tsx';
import { useNowOf } from '../live/use-now.ts';
import { isPlainClick } from '../ui/address-link.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { SortHeader } from '../ui/list.tsx';
import { State } from '../ui/status.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords } from '../words/words.ts';
import { DEFAULT_SORT } from './order.ts';

type Edge = NonNullable<FleetQuery['accounts']>['edges'][number];

/** The accounts of one page of the list; a press on a row opens the account's page. */
export function AccountsTable({ edges }: { readonly edges: readonly Edge[] }): ReactNode {
  const words = useWords().operators;
  return (
    <ListTable label={words.title} className="accounts">
      <thead>
        <tr>
          <SortHeader own={DEFAULT_SORT} field="name">
            {words.account}
          </SortHeader>
          <th scope="col">{words.state}</th>
          <SortHeader own={DEFAULT_SORT} field="remaining" isNumeric>
            {words.left}
          </SortHeader>
          <SortHeader own={DEFAULT_SORT} field="burn_rate" isNumeric>
            {words.burn}
          </SortHeader>
          <SortHeader own={DEFAULT_SORT} field="stops_at">
            {words.stops}
          </SortHeader>
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <AccountRow key={edge.node.id} edge={edge} />
        ))}
      </tbody>
    </ListTable>
  );
}

function AccountRow({ edge }: { readonly edge: Edge }): ReactNode {
  const { node, position } = edge;
  const to: Address = { ...START, accountId: node.id };
  const open = (event: MouseEvent): void => {
    if (!isPlainClick(event)) return;
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
        <State state={position.state} />
      </td>
      <td className="numeric">
        <Credits path="position.remaining" value={position.remaining} />
      </td>
      <td className="numeric">
        <Credits path="position.burnRatePerHour" value={position.burnRatePerHour} />
      </td>
      <td>
        <NextStop edge={edge} />
      </td>
    </tr>
  );
}

function NextStop({ edge: { node, position } }: { readonly edge: Edge }): ReactNode {
  const words = useWords().operators;
  const { stopsAt, asOf, state } = position;
  const nowMs = useNowOf(asOf);
  if (stopsAt === null) {
    return <span className="muted">{state === 'STOPPED' ? words.stopped : words.noStop}</span>;
  }
  return (
    <Figure path="position.stopsAt" value={stopsAt}>
      <Instant at={stopsAt} />
      <span className="list-sub">
        <Countdown
          at={stopsAt}
          nowMs={node.testClock === null ? nowMs : Date.parse(asOf)}
          say={words.inTime}
        />
      </span>
    </Figure>
  );
}
