import type { ReactNode } from 'react';
import type { StatementPartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';

/** What proves a statement: its hash, the one before, the signature, and the entry of the ledger that it ends with. */
export function StatementProof({
  statement,
}: {
  readonly statement: StatementPartsFragment;
}): ReactNode {
  const words = useWords().statements;
  const figures = useFigures();
  const { sha256, previousSha256, keyId, signature, lastLedgerSequence, lastLedgerHash } =
    statement;
  const facts: readonly (readonly [string, ReactNode])[] = [
    [words.sha256, <code key="">{sha256}</code>],
    [words.previous, previousSha256 === null ? words.first : <code key="">{previousSha256}</code>],
    [words.ledger(figures.count(lastLedgerSequence)), <code key="">{lastLedgerHash}</code>],
    [words.signature, <code key="">{signature}</code>],
    [words.key, <code key="">{keyId}</code>],
  ];
  return (
    <div className="charges proof">
      <dl>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="hash">{value}</dd>
          </div>
        ))}
      </dl>
      <p className="muted">
        {words.check} <a href="/.well-known/billing-keys.json">{words.keys}</a>.
      </p>
    </div>
  );
}
