import type { ReactNode } from 'react';
import { useOperation } from '../api/client.ts';
import {
  LedgerEntryDocument,
  type LedgerChargePartsFragment,
} from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { parseMicro } from '../../src/core/micro.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { Figure } from '../ui/figure.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import { eventText } from './charge-text.ts';
import { focusOf, type MoreRowProps, MoreRows, PendingRow, WholeRow } from './more.tsx';

const COLUMNS = 3;
const PAGE = 25;

export interface ChargesProps {
  readonly entryId: string;
  readonly title: string;
}

/** What one entry of the ledger charged: each event, each segment of hosting. Asked for when it is opened. */
export function Charges({ entryId, title }: ChargesProps): ReactNode {
  const words = useWords().creditsTab;
  return (
    <div className="charges">
      <StackedTable
        label={title}
        columns={[
          { label: words.chargeOf },
          { label: words.what },
          { label: words.amount, isNumeric: true },
        ]}
      >
        <tbody role="rowgroup">
          <ChargesPage entryId={entryId} after={null} />
        </tbody>
      </StackedTable>
    </div>
  );
}

interface ChargesPageProps {
  readonly entryId: string;
  readonly after: string | null;
}

function ChargesPage({ entryId, after }: ChargesPageProps): ReactNode {
  const words = useWords().creditsTab;
  const { data, problem, reload } = useOperation(LedgerEntryDocument, {
    id: entryId,
    firstCharges: PAGE,
    afterCharge: after,
  });
  const entry = data?.node;
  if (entry == null) return <PendingRow columns={COLUMNS} problem={problem} onRetry={reload} />;
  const charges = 'charges' in entry ? entry.charges : null;
  if (charges === null || charges.nodes.length === 0) {
    return (
      <WholeRow columns={COLUMNS}>
        <span className="muted">{words.noCharges}</span>
      </WholeRow>
    );
  }
  return (
    <>
      {charges.nodes.map((charge, at) => (
        <ChargeRow key={at} charge={charge} takesFocus={after !== null && at === 0} />
      ))}
      <MoreRows pageInfo={charges.pageInfo} label={words.moreCharges} columns={COLUMNS}>
        {(next) => <ChargesPage entryId={entryId} after={next} />}
      </MoreRows>
    </>
  );
}

interface ChargeProps {
  readonly charge: LedgerChargePartsFragment;
}

function ChargeRow({ charge, takesFocus }: ChargeProps & MoreRowProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const charged = charge.resource ?? charge.model;
  return (
    <tr role="row" {...focusOf(takesFocus)}>
      <th role="rowheader" scope="row">
        {charged !== null && (
          <AddressLink change={{ open: charged.id }} data-row={charged.id}>
            {charged.name}
          </AddressLink>
        )}
      </th>
      <Cell label={words.what} className="what">
        <SegmentText charge={charge} />
        <EventText charge={charge} />
      </Cell>
      <Cell label={words.amount} isNumeric>
        <Figure path="charges.credits" value={charge.credits}>
          {figures.sixDigits(charge.credits)}
        </Figure>
      </Cell>
    </tr>
  );
}

function SegmentText({ charge: { segment, credits } }: ChargeProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  if (segment === null) return null;
  const { from, to, running, replicas, creditsPerHour, time } = segment;
  const isPart = absolute(segment.credits) !== absolute(credits);
  return (
    <span>
      {words.segment(
        figures.count(replicas),
        figures.exactCredits(creditsPerHour),
        figures.duration(time),
      )}
      <span className="list-sub">
        {figures.exactInstant(from)} – {running ? words.running : figures.exactInstant(to)}
      </span>
      {isPart && (
        <span className="list-sub">
          {words.wholeSegment(figures.exactCredits(segment.credits))}
        </span>
      )}
    </span>
  );
}

function absolute(credits: string): bigint {
  const micro = parseMicro(credits);
  return micro < 0n ? -micro : micro;
}

function EventText({ charge: { event } }: ChargeProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  if (event === null) return null;
  return (
    <span>
      {eventText(words, figures, event)}
      <span className="list-sub">{figures.exactInstant(event.occurredAt)}</span>
      <span className="list-sub event-id">
        {event.source} {event.eventId}
      </span>
    </span>
  );
}
