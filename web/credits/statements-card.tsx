import { type ReactNode, useCallback, useState } from 'react';
import {
  type StatementPartsFragment,
  StatementsDocument,
} from '@billing-gateway/client/operations';
import { navigate, useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { ProblemText } from '../exports/problem-text.tsx';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Instant } from '../ui/instant.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import type { CreditsAccount } from './kinds.ts';
import { focusOf, type MoreRowProps, MoreRows, PendingRow, WholeRow } from './more.tsx';
import { type Form, FORMS, useForms } from './statement-forms.ts';
import { StatementProof } from './statement-proof.tsx';

const COLUMNS = 5;
const PAGE = 25;

/** The statements of the cycles that have ended, the newest first: each as a document, and what proves it. */
export function StatementsCard({
  statements: { nodes, pageInfo },
}: {
  readonly statements: CreditsAccount['statements'];
}): ReactNode {
  const words = useWords().statements;
  return (
    <Card title={words.title}>
      {nodes.length === 0 ? (
        <p className="muted">{words.none}</p>
      ) : (
        <StackedTable
          label={words.title}
          className="statements"
          columns={[
            { label: words.number },
            { label: words.cycle },
            { label: words.closing, isNumeric: true },
            { label: words.issued },
            { label: words.documents },
          ]}
        >
          <tbody role="rowgroup">
            <Rows statements={nodes} pageInfo={pageInfo} />
          </tbody>
        </StackedTable>
      )}
    </Card>
  );
}

interface RowsProps extends MoreRowProps {
  readonly statements: readonly StatementPartsFragment[];
  readonly pageInfo: CreditsAccount['statements']['pageInfo'];
}

function Rows({ statements, pageInfo, takesFocus = false }: RowsProps): ReactNode {
  const words = useWords().statements;
  const { statement: wanted } = useAddress();
  const last = statements.at(-1)?.number ?? 1;
  return (
    <>
      {statements.map((statement, at) => (
        <StatementRow
          key={statement.id}
          statement={statement}
          isOpen={statement.number === wanted}
          takesFocus={takesFocus && at === 0}
        />
      ))}
      <MoreRows
        pageInfo={pageInfo}
        label={words.older}
        columns={COLUMNS}
        isOpenAtFirst={wanted !== null && wanted < last}
      >
        {(after) => <OlderStatements after={after} takesFocus={wanted === null} />}
      </MoreRows>
    </>
  );
}

interface OlderProps extends MoreRowProps {
  readonly after: string;
}

function OlderStatements({ after, takesFocus = false }: OlderProps): ReactNode {
  const { accountId } = useAddress();
  const variables = { accountId, first: PAGE, after };
  const { data, problem, reload } = useOperation(StatementsDocument, variables);
  const page = data?.account?.statements;
  if (page === undefined) {
    return <PendingRow columns={COLUMNS} problem={problem} onRetry={reload} />;
  }
  return <Rows statements={page.nodes} pageInfo={page.pageInfo} takesFocus={takesFocus} />;
}

interface StatementRowProps extends MoreRowProps {
  readonly statement: StatementPartsFragment;
  readonly isOpen: boolean;
}

function StatementRow({ statement, isOpen, takesFocus }: StatementRowProps): ReactNode {
  const words = useWords().statements;
  const figures = useFigures();
  const { number, cycle, issuedAt } = statement;
  const shown = figures.count(number);
  return (
    <>
      <tr role="row" {...focusOf(takesFocus)}>
        <th role="rowheader" scope="row">
          <button
            ref={useSeen(isOpen)}
            type="button"
            className="list-open"
            aria-expanded={isOpen}
            aria-label={words.proofOf(shown)}
            onClick={() => {
              navigate({ statement: isOpen ? null : number });
            }}
          >
            <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {shown}
          </button>
        </th>
        <Cell label={words.cycle}>
          {figures.day(cycle.startsAt)} – {figures.day(cycle.endsAt)}
        </Cell>
        <Cell label={words.closing} isNumeric>
          <Credits path="statements.cycle.closing" value={cycle.closing} />
        </Cell>
        <Cell label={words.issued}>
          <Instant at={issuedAt} />
        </Cell>
        <Cell label={words.documents}>
          <Documents statement={statement} />
        </Cell>
      </tr>
      {isOpen && (
        <WholeRow columns={COLUMNS}>
          <StatementProof statement={statement} />
        </WholeRow>
      )}
    </>
  );
}

/** Brings what the address names into view when it comes; not what is opened in its place later. */
function useSeen(isOpen: boolean): (button: HTMLButtonElement | null) => void {
  const [isNamed] = useState(isOpen);
  return useCallback(
    (button) => {
      if (isNamed) button?.scrollIntoView({ block: 'center' });
    },
    [isNamed],
  );
}

function Documents({ statement }: { readonly statement: StatementPartsFragment }): ReactNode {
  const words = useWords().statements;
  const figures = useFigures();
  const { busy, problem, take } = useForms(statement);
  const shown = figures.count(statement.number);
  const nameOf = (form: Form): string =>
    form === 'html' ? words.openForm(shown) : words.asForm(shown, words.form[form]);
  return (
    <>
      <span className="documents">
        {FORMS.map((form) => (
          <button
            key={form}
            type="button"
            className="list-open"
            aria-label={nameOf(form)}
            aria-busy={busy === form}
            disabled={busy !== null}
            onClick={() => {
              take(form);
            }}
          >
            {words.form[form]}
          </button>
        ))}
      </span>
      {problem !== null && <ProblemText problem={problem} bytes={0} />}
    </>
  );
}
