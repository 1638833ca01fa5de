// Verifies statements by nothing but themselves and the public keys.

import { present, UserInputError } from '../core/errors.ts';
import { groupBy } from '../core/group.ts';
import { decodeId, encodeId } from '../core/identity.ts';
import { parseInstant } from '../core/instant.ts';
import { isoInstant } from '../core/range.ts';
import { canonicalText } from './canonical.ts';
import type { SignedStatement, StatementDocument } from './document.ts';
import { figureFaults } from './figures.ts';
import type { PublishedKey } from './keys.service.ts';
import { linkFaults, type NamedStatement, type StatementFault } from './links.ts';
import { Members, rawDocument, readSigned } from './read.ts';
import { isSignedBy, keyIdOf, sha256Of } from './signature.service.ts';

/** JSON that says to be a statement, and what it is called. */
export interface Claimed {
  readonly name: string;
  readonly value: unknown;
}

/** The statements of one account, verified. */
export interface VerifiedAccount {
  /** As its last statement says. */
  readonly account: StatementDocument['account'];
  readonly firstNumber: number;
  readonly lastNumber: number;
  readonly faults: readonly StatementFault[];
}

/** @returns what is no statement, and the accounts of all others */
export function verifyStatements(
  claimed: readonly Claimed[],
  keys: readonly PublishedKey[],
): {
  readonly unreadable: readonly StatementFault[];
  readonly accounts: readonly VerifiedAccount[];
} {
  const unreadable: StatementFault[] = [];
  const read: (NamedStatement & { readonly faults: readonly StatementFault[] })[] = [];
  for (const { name, value } of claimed) {
    try {
      const signed = readSigned(value);
      const faults = statementFaults(signed, value, keys).map((what) => ({ name, what }));
      read.push({ name, signed, faults });
    } catch (error) {
      if (!(error instanceof UserInputError)) throw error;
      unreadable.push({ name, what: `It is no statement: ${error.message}` });
    }
  }
  const byAccount = groupBy(read, ({ signed }) => signed.document.account.id);
  const accounts = [...byAccount.values()].map((statements) => {
    const documents = statements
      .map(({ signed }) => signed.document)
      .sort((a, b) => a.number - b.number);
    const first = present(documents[0], 'a statement');
    const last = documents.at(-1) ?? first;
    return {
      account: last.account,
      firstNumber: first.number,
      lastNumber: last.number,
      faults: [...statements.flatMap(({ faults }) => faults), ...linkFaults(statements)],
    };
  });
  return { unreadable, accounts };
}

/**
 * What is wrong with one statement: one sentence each.
 * @param value as it was read: its hash is of all that stands in it
 */
function statementFaults(
  signed: SignedStatement,
  value: unknown,
  keys: readonly PublishedKey[],
): readonly string[] {
  const { document, sha256, keyId, signature } = signed;
  const text = canonicalText(rawDocument(value));
  const faults: string[] = [];
  const actual = sha256Of(text);
  if (actual !== sha256) {
    faults.push(`Its document was changed: the SHA-256 is ${actual}, not ${sha256}.`);
  }
  const key = keys.find((one) => one.keyId === keyId);
  if (key === undefined) {
    faults.push(`It names the key ${keyId}, which is none of the public keys.`);
  } else {
    if (!isSignedBy(key.publicKey, text, signature)) {
      faults.push(`Its signature is not one of the key ${keyId} over its document.`);
    }
    faults.push(...timeFaults(document, key));
  }
  return [...faults, ...nameFaults(document), ...figureFaults(document)];
}

function timeFaults({ issuedAt }: StatementDocument, key: PublishedKey): readonly string[] {
  const issuedAtMs = parseInstant(issuedAt);
  const { notBeforeMs, notAfterMs } = key;
  if (issuedAtMs >= notBeforeMs && issuedAtMs < (notAfterMs ?? Infinity)) return [];
  const until = notAfterMs === null ? '' : ` to ${isoInstant(notAfterMs)}`;
  return [
    `It was issued at ${issuedAt}, but its key signs from ${isoInstant(notBeforeMs)}${until}.`,
  ];
}

function nameFaults(document: StatementDocument): readonly string[] {
  const { id, number, account, cycle } = document;
  const ref = decodeId(id);
  const isItself =
    ref?.type === 'Statement' &&
    ref.localId === number &&
    cycle.number === number &&
    account.id === encodeId('Account', ref.accountId, ref.accountId);
  const faults = isItself
    ? []
    : [`Its id is not that of statement ${number} of the account ${account.id}.`];
  if (parseInstant(cycle.from) >= parseInstant(cycle.to)) {
    faults.push(`Its cycle ends at ${cycle.to}, before it begins.`);
  }
  return faults;
}

/**
 * The keys of /.well-known/billing-keys.json.
 * @throws UserInputError when it is no such list, or a key has another name than its own
 */
export function readKeys(value: unknown): readonly PublishedKey[] {
  return new Members(value, '').list('keys', (key) => {
    key.constant('kty', 'OKP');
    key.constant('crv', 'Ed25519');
    const publicKey = key.text('x', /^[\w-]{43}$/);
    return {
      keyId: key.constant('kid', keyIdOf(publicKey)),
      publicKey,
      notBeforeMs: parseInstant(key.instant('notBefore')),
      notAfterMs: key.value('notAfter') === null ? null : parseInstant(key.instant('notAfter')),
    };
  });
}
