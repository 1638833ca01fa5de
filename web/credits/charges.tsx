import { type ReactNode, useState } from 'react';
import { useOperation } from '../api/client.ts';
import { LedgerEntryDocument, type LedgerChargePartsFragment } from '../api/operations.ts';
import { useFigures } from '../figures/figures.ts';
import { ProblemNote, Skeleton } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { useWords } from '../words/words.ts';

const CHARGES_A_STEP = 25;
const CHARGES_MAX = 100;

export interface ChargesProps {
  readonly entryId: string;
  readonly title: string;
}

/** What one entry of the ledger charged: each event, each stretch of hosting. Asked for when it is opened. */
export function Charges({ entryId, title }: ChargesProps): ReactNode {
  const words = useWords().creditsTab;
  const [firstCharges, setFirstCharges] = useState(CHARGES_A_STEP);
  const { data, problem, reload } = useOperation(LedgerEntryDocument, {
    id: entryId,
    firstCharges,
  });
  if (problem !== null) return <ProblemNote problem={problem} onRetry={reload} />;
  const entry = data?.node;
  if (entry == null) return <Skeleton lines={3} />;
  if (!('charges' in entry) || entry.charges.nodes.length === 0) {
    return <p className="muted">{words.noCharges}</p>;
  }
  const { nodes, pageInfo } = entry.charges;
  return (
    <div className="charges">
      <table className="list-table">
        <caption className="visually-hidden">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{words.chargeOf}</th>
            <th scope="col">{words.what}</th>
            <th scope="col" className="numeric">
              {words.amount}
            </th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((charge, at) => (
            <ChargeRow key={at} charge={charge} />
          ))}
        </tbody>
      </table>
      {pageInfo.hasNextPage && firstCharges < CHARGES_MAX && (
        <button
          type="button"
          className="list-open"
          onClick={() => {
            setFirstCharges(CHARGES_MAX);
          }}
        >
          {words.moreCharges}
        </button>
      )}
    </div>
  );
}

function ChargeRow({ charge }: { readonly charge: LedgerChargePartsFragment }): ReactNode {
  return (
    <tr>
      <th scope="row">{charge.resource?.name ?? charge.model?.name}</th>
      <td>
        <SegmentText charge={charge} />
        <EventText charge={charge} />
      </td>
      <td className="numeric">
        <Credits path="charges.credits" value={charge.credits} />
      </td>
    </tr>
  );
}

function SegmentText({
  charge: { segment },
}: {
  readonly charge: LedgerChargePartsFragment;
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  if (segment === null) return null;
  return (
    <>
      {figures.duration(segment.time)} ·{' '}
      {words.stretch(figures.count(segment.replicas), figures.exactCredits(segment.creditsPerHour))}
      <span className="list-sub">
        {figures.instant(segment.from)} – {figures.instant(segment.to)}
      </span>
    </>
  );
}

function EventText({
  charge: { event },
}: {
  readonly charge: LedgerChargePartsFragment;
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  if (event === null) return null;
  const { quantity, unit } = event;
  return (
    <>
      {words.event(figures.count(quantity), unit ?? event.type)}
      <span className="list-sub">
        {figures.exactInstant(event.occurredAt)} · {event.source} {event.eventId}
      </span>
    </>
  );
}
