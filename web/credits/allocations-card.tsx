import type { ReactNode } from 'react';
import type { AllocationPartsFragment } from '../api/operations.ts';
import { parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import type { CreditsAccount } from './kinds.ts';

/** What was granted, what is left of each, and until when. */
export function AllocationsCard({
  allocations: { nodes, totalCount },
}: {
  readonly allocations: CreditsAccount['allocations'];
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  if (nodes.length === 0) {
    return (
      <Card title={words.allocations}>
        <p className="muted">{words.noAllocations}</p>
      </Card>
    );
  }
  return (
    <Card title={words.allocations}>
      <div className="list-scroll" tabIndex={0} role="region" aria-label={words.allocations}>
        <table className="list-table">
          <thead>
            <tr>
              <th scope="col">{words.source}</th>
              <th scope="col" className="numeric">
                {words.left}
              </th>
              <th scope="col" className="numeric">
                {words.amount}
              </th>
              <th scope="col" className="numeric">
                {words.priority}
              </th>
              <th scope="col">{words.from}</th>
              <th scope="col">{words.expires}</th>
              <th scope="col">{words.note}</th>
            </tr>
          </thead>
          <tbody>
            {[...nodes].sort(liveFirst).map((allocation) => (
              <AllocationRow key={allocation.id} allocation={allocation} />
            ))}
          </tbody>
        </table>
      </div>
      {totalCount > nodes.length && (
        <p className="muted">
          {words.newestAllocations(figures.count(nodes.length), figures.count(totalCount))}
        </p>
      )}
    </Card>
  );
}

// What still has something left stands first; the rest keeps the server's order, newest first.
function liveFirst(a: AllocationPartsFragment, b: AllocationPartsFragment): number {
  return Number(isSpent(a)) - Number(isSpent(b));
}

function isSpent({ remaining }: AllocationPartsFragment): boolean {
  return parseMicro(remaining) === 0n;
}

function AllocationRow({
  allocation,
}: {
  readonly allocation: AllocationPartsFragment;
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { voidedAt, expiresAt } = allocation;
  return (
    <tr className={isSpent(allocation) ? 'ended' : ''}>
      <th scope="row">
        {words.sources[allocation.source]}
        {allocation.everyCycle && <span className="list-sub">{words.everyCycle}</span>}
        {voidedAt !== null && (
          <span className="list-sub">{words.voided(figures.instant(voidedAt))}</span>
        )}
      </th>
      <td className="numeric">
        <AllocationAmount
          path="allocations.remaining"
          of={allocation}
          value={allocation.remaining}
        />
      </td>
      <td className="numeric">
        <AllocationAmount path="allocations.amount" of={allocation} value={allocation.amount} />
      </td>
      <td className="numeric">{figures.count(allocation.priority)}</td>
      <td>
        <time
          dateTime={allocation.effectiveAt}
          title={figures.exactInstant(allocation.effectiveAt)}
        >
          {figures.instant(allocation.effectiveAt)}
        </time>
      </td>
      <td>
        {expiresAt === null ? (
          <span className="muted">{words.never}</span>
        ) : (
          <time dateTime={expiresAt} title={figures.exactInstant(expiresAt)}>
            {figures.instant(expiresAt)}
          </time>
        )}
      </td>
      <td>{allocation.note}</td>
    </tr>
  );
}

interface AllocationAmountProps {
  readonly path: string;
  readonly of: AllocationPartsFragment;
  readonly value: string;
}

function AllocationAmount({ path, of, value }: AllocationAmountProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  return (
    <>
      {of.unit === 'CREDITS' ? (
        <Credits path={path} value={value} />
      ) : (
        <Figure path={path} value={value}>
          {figures.count(Number(value))}
        </Figure>
      )}{' '}
      <span className="unit">{words.unit[of.unit]}</span>
    </>
  );
}
