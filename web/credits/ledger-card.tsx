import { Fragment, type ReactNode } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { StatusChooser } from '../ui/list.tsx';
import { Paging } from '../ui/paging.tsx';
import { useWords } from '../words/words.ts';
import { Charges } from './charges.tsx';
import { byCycle, type CreditsAccount, hasCharges, KINDS } from './kinds.ts';

type Entry = CreditsAccount['ledger']['nodes'][number];
const COLUMNS = 5;

/** Every change of the balance in the range, the newest first, by cycle. */
export function LedgerCard({
  ledger: { nodes, pageInfo, totalCount },
}: {
  readonly ledger: CreditsAccount['ledger'];
}): ReactNode {
  const words = useWords().creditsTab;
  return (
    <Card
      title={words.ledger}
      aside={
        <StatusChooser label={words.kinds} values={KINDS} words={words.kind} any={words.allKinds} />
      }
    >
      {nodes.length === 0 ? (
        <NoEntries />
      ) : (
        <>
          <div className="list-scroll" tabIndex={0} role="region" aria-label={words.ledger}>
            <table className="list-table">
              <thead>
                <tr>
                  <th scope="col">{words.booked}</th>
                  <th scope="col">{words.kindOf}</th>
                  <th scope="col">{words.description}</th>
                  <th scope="col" className="numeric">
                    {words.amount}
                  </th>
                  <th scope="col" className="numeric">
                    {words.balance}
                  </th>
                </tr>
              </thead>
              {byCycle([...nodes].reverse()).map((group) => (
                <CycleEntries key={group.cycleId} entries={group.entries} />
              ))}
            </table>
          </div>
          <Paging pageInfo={pageInfo} shown={nodes.length} totalCount={totalCount} isNewestFirst />
        </>
      )}
    </Card>
  );
}

function CycleEntries({ entries }: { readonly entries: readonly Entry[] }): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const cycle = entries[0]?.cycle;
  return (
    <tbody>
      {cycle !== undefined && (
        <tr className="group">
          <th scope="rowgroup" colSpan={COLUMNS}>
            {words.cycle} {figures.day(cycle.startsAt)} – {figures.day(cycle.endsAt)}
          </th>
        </tr>
      )}
      {entries.map((entry) => (
        <EntryRow key={entry.id} entry={entry} />
      ))}
    </tbody>
  );
}

function EntryRow({ entry }: { readonly entry: Entry }): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { open } = useAddress();
  const isOpen = open === entry.id;
  const booked = (
    <time dateTime={entry.bookedAt} title={figures.exactInstant(entry.bookedAt)}>
      {figures.instant(entry.bookedAt)}
    </time>
  );
  return (
    <Fragment>
      <tr>
        <td>
          {hasCharges(entry.kind) ? (
            <button
              type="button"
              className="list-open"
              aria-expanded={isOpen}
              onClick={() => {
                navigate({ open: isOpen ? null : entry.id });
              }}
            >
              <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
              {booked}
            </button>
          ) : (
            booked
          )}
        </td>
        <td>{words.kind[entry.kind]}</td>
        <td>{entry.description}</td>
        <td className="numeric">
          <Credits path="ledger.amount" value={entry.amount} isSigned />
        </td>
        <td className="numeric">
          <Credits path="ledger.balance" value={entry.balance} />
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={COLUMNS}>
            <Charges entryId={entry.id} title={words.charges(figures.instant(entry.bookedAt))} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function NoEntries(): ReactNode {
  const words = useWords();
  return (
    <div className="note">
      <p className="muted">{words.creditsTab.noEntries}</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          navigate({ statuses: [], range: { kind: 'preset', preset: '90d' } });
        }}
      >
        {words.overview.longer}
      </button>
    </div>
  );
}
