import { type ReactNode, useState } from 'react';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { AllocationsDocument } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { useServerNow } from '../live/use-now.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import { type Allocation, partedAllocations, stateOf } from './allocations.ts';
import type { CreditsAccount } from './kinds.ts';
import { focusOf, type MoreRowProps, MoreRows, PendingRow, WholeRow } from './more.tsx';

const COLUMNS = 7;
const PAGE = 50;

/** What was granted, what is left of each, and until when. What is spent first stands first; what has ended is shown when asked for. */
export function AllocationsCard({
  allocations: { nodes, totalCount, pageInfo },
}: {
  readonly allocations: CreditsAccount['allocations'];
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const nowMs = useServerNow();
  const [showsEnded, setShowsEnded] = useState(false);
  const { open, ended } = partedAllocations(nodes, nowMs);
  const endedCount = totalCount - open.length;
  if (totalCount === 0) {
    return (
      <Card title={words.allocations}>
        <p className="muted">{words.noAllocations}</p>
      </Card>
    );
  }
  return (
    <Card title={words.allocations}>
      <AllocationsTable>
        {open.length === 0 && (
          <WholeRow columns={COLUMNS}>
            <p className="muted">{words.noneLeft}</p>
          </WholeRow>
        )}
        <Rows allocations={open} nowMs={nowMs} />
        {showsEnded && (
          <>
            <Rows allocations={ended} nowMs={nowMs} />
            <MoreRows pageInfo={pageInfo} label={words.olderAllocations} columns={COLUMNS}>
              {(after) => <OlderAllocations after={after} />}
            </MoreRows>
          </>
        )}
      </AllocationsTable>
      {endedCount > 0 && (
        <button
          type="button"
          className="button below"
          aria-expanded={showsEnded}
          onClick={() => {
            setShowsEnded(!showsEnded);
          }}
        >
          {showsEnded ? words.hideEnded : words.endedAllocations(figures.count(endedCount))}
        </button>
      )}
    </Card>
  );
}

function AllocationsTable({ children }: { readonly children: ReactNode }): ReactNode {
  const words = useWords().creditsTab;
  return (
    <StackedTable
      label={words.allocations}
      className="allocations"
      columns={[
        { label: words.source },
        { label: words.state },
        { label: words.left, isNumeric: true },
        { label: words.amount, isNumeric: true },
        { label: words.priority, isNumeric: true },
        { label: words.from },
        { label: words.expires },
      ]}
    >
      <tbody role="rowgroup">{children}</tbody>
    </StackedTable>
  );
}

function OlderAllocations({ after }: { readonly after: string }): ReactNode {
  const words = useWords().creditsTab;
  const { accountId } = useAddress();
  const nowMs = useServerNow();
  const { data, problem, reload } = useOperation(AllocationsDocument, {
    accountId,
    first: PAGE,
    after,
  });
  const page = data?.account?.allocations;
  if (page === undefined) {
    return <PendingRow columns={COLUMNS} problem={problem} onRetry={reload} />;
  }
  return (
    <>
      <Rows allocations={page.nodes} nowMs={nowMs} takesFocus />
      <MoreRows pageInfo={page.pageInfo} label={words.olderAllocations} columns={COLUMNS}>
        {(next) => <OlderAllocations after={next} />}
      </MoreRows>
    </>
  );
}

interface RowsProps extends MoreRowProps {
  readonly allocations: readonly Allocation[];
  readonly nowMs: number;
}

function Rows({ allocations, nowMs, takesFocus = false }: RowsProps): ReactNode {
  return allocations.map((allocation, at) => (
    <AllocationRow
      key={allocation.id}
      allocation={allocation}
      nowMs={nowMs}
      takesFocus={takesFocus && at === 0}
    />
  ));
}

interface AllocationRowProps extends MoreRowProps {
  readonly allocation: Allocation;
  readonly nowMs: number;
}

function AllocationRow({ allocation, nowMs, takesFocus }: AllocationRowProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { source, note, everyCycle, voidedAt, effectiveAt, expiresAt } = allocation;
  const state = stateOf(allocation, nowMs);
  const isOpen = state === 'LIVE' || state === 'COMING';
  return (
    <tr role="row" className={isOpen ? undefined : 'ended'} {...focusOf(takesFocus)}>
      <th role="rowheader" scope="row">
        {words.sources[source]}
        {everyCycle && `, ${words.everyCycle}`}
        {note !== null && <span className="list-sub">{note}</span>}
      </th>
      <Cell label={words.state}>
        <span className={`allocation-state allocation-${state}`}>
          {words.allocationState[state]}
        </span>
        {voidedAt !== null && (
          <span className="list-sub">
            <Instant at={voidedAt} />
          </span>
        )}
      </Cell>
      <Cell label={words.left} isNumeric>
        <Amount path="allocations.remaining" of={allocation} value={allocation.remaining} />
      </Cell>
      <Cell label={words.amount} isNumeric>
        <Amount path="allocations.amount" of={allocation} value={allocation.amount} />
      </Cell>
      <Cell label={words.priority} isNumeric>
        {figures.count(allocation.priority)}
      </Cell>
      <Cell label={words.from}>
        <Instant at={effectiveAt} />
      </Cell>
      <Cell label={words.expires}>
        {expiresAt === null ? (
          <span className="muted">{words.never}</span>
        ) : (
          <Instant at={expiresAt} />
        )}
      </Cell>
    </tr>
  );
}

interface AmountProps {
  readonly path: string;
  readonly of: Allocation;
  readonly value: string;
}

function Amount({ path, of, value }: AmountProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  return (
    <span>
      {of.unit === 'CREDITS' ? (
        <Credits path={path} value={value} />
      ) : (
        <Figure path={path} value={value}>
          {figures.count(Number(value))}
        </Figure>
      )}{' '}
      <span className="unit">{words.unit[of.unit]}</span>
    </span>
  );
}
