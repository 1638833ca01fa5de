import type { ReactNode } from 'react';
import { navigate, useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Instant } from '../ui/instant.tsx';
import { StatusChooser } from '../ui/list.tsx';
import { Paging } from '../ui/paging.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import { Charges } from './charges.tsx';
import { type Entry, entryText } from './entry-text.ts';
import { accruedOf, byCycle, type CreditsAccount, hasCharges, KINDS } from './kinds.ts';
import { WholeRow } from './more.tsx';
import { NoEntries } from './no-entries.tsx';

const COLUMNS = 5;

/** Every change of the balance in the range, the newest first, by cycle. */
export function LedgerCard({ account }: { readonly account: CreditsAccount }): ReactNode {
  const words = useWords().creditsTab;
  const { nodes, pageInfo, totalCount } = account.ledger;
  const { entry: opened } = useAddress();
  return (
    <Card
      title={words.ledger}
      aside={
        <StatusChooser label={words.kinds} values={KINDS} words={words.kind} any={words.allKinds} />
      }
    >
      {nodes.length === 0 ? (
        <NoEntries creditsFrom={account.creditsFrom} />
      ) : (
        <>
          <StackedTable
            label={words.ledger}
            className="ledger"
            columns={[
              { label: words.booked },
              { label: words.kindOf },
              { label: words.description },
              { label: words.amount, isNumeric: true },
              { label: words.balance, isNumeric: true },
            ]}
          >
            <Accrued account={account} />
            {byCycle([...nodes].reverse()).map((group) => (
              <CycleEntries key={group.cycleId} entries={group.entries} opened={opened} />
            ))}
          </StackedTable>
          <Paging pageInfo={pageInfo} shown={nodes.length} totalCount={totalCount} isNewestFirst />
        </>
      )}
    </Card>
  );
}

/** What running deployments cost since it was last booked: so the newest balance leads to what is left. */
function Accrued({ account }: { readonly account: CreditsAccount }): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const { page, statuses } = useAddress();
  const amount = page === null && statuses.length === 0 ? accruedOf(account) : null;
  if (amount === null) return null;
  return (
    <tbody role="rowgroup">
      <tr role="row" className="entry">
        <Cell label={words.booked} className="booked">
          <span className="muted">{words.notBooked}</span>
        </Cell>
        <Cell label={words.kindOf} className="kind">
          {words.kind.USAGE}
        </Cell>
        <Cell label={words.description} className="text">
          {words.accrued}
        </Cell>
        <Cell label={words.amount} className="amount" isNumeric>
          <span title={figures.exactCredits(amount)}>{figures.signedCredits(amount)}</span>
        </Cell>
        <Cell label={words.balance} className="balance" isNumeric>
          <Credits path="credits.remaining" value={account.credits.remaining} />
        </Cell>
      </tr>
    </tbody>
  );
}

interface CycleEntriesProps {
  readonly entries: readonly Entry[];
  readonly opened: string | null;
}

function CycleEntries({ entries, opened }: CycleEntriesProps): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  const cycle = entries[0]?.cycle;
  return (
    <tbody role="rowgroup">
      {cycle !== undefined && (
        <tr role="row" className="group">
          <th role="rowheader" scope="rowgroup" colSpan={COLUMNS}>
            {words.cycle} {figures.day(cycle.startsAt)} – {figures.day(cycle.endsAt)}
          </th>
        </tr>
      )}
      {entries.map((entry) => (
        <EntryRow key={entry.id} entry={entry} isOpen={entry.id === opened} />
      ))}
    </tbody>
  );
}

interface EntryProps {
  readonly entry: Entry;
  readonly isOpen: boolean;
}

function EntryRow({ entry, isOpen }: EntryProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { booked, kindOf, description, amount, balance, kind, charges } = words.creditsTab;
  return (
    <>
      <tr role="row" className="entry">
        <Cell label={booked} className="booked">
          <BookedAt entry={entry} isOpen={isOpen} />
        </Cell>
        <Cell label={kindOf} className="kind">
          {kind[entry.kind]}
        </Cell>
        <Cell label={description} className="text">
          {entryText(words, figures, entry)}
        </Cell>
        <Cell label={amount} className="amount" isNumeric>
          <Credits path="ledger.amount" value={entry.amount} isSigned />
        </Cell>
        <Cell label={balance} className="balance" isNumeric>
          <Credits path="ledger.balance" value={entry.balance} />
        </Cell>
      </tr>
      {isOpen && (
        <WholeRow columns={COLUMNS}>
          <Charges entryId={entry.id} title={charges(figures.instant(entry.bookedAt))} />
        </WholeRow>
      )}
    </>
  );
}

function BookedAt({ entry, isOpen }: EntryProps): ReactNode {
  if (!hasCharges(entry.kind)) return <Instant at={entry.bookedAt} />;
  return (
    <button
      type="button"
      className="list-open"
      aria-expanded={isOpen}
      onClick={() => {
        navigate({ entry: isOpen ? null : entry.id });
      }}
    >
      <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
      <Instant at={entry.bookedAt} />
    </button>
  );
}
