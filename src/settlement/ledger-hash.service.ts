// Each entry of an account's ledger has a hash that follows from the entry, from what it charged, and from the hash of the entry
// before. So nothing in a ledger can be changed, left out or put in without every later hash being another.

import { createHash } from 'node:crypto';
import type { Draft } from '../engine/draft.ts';
import { chargesText, entryText } from './entry-text.ts';
import type { ChainedLine } from './ledger.store.ts';

/** SHA-256 of the hash before and an entry's text, in hex. @param previousHash in hex */
export function hashAfter(previousHash: string, text: string): string {
  return createHash('sha256').update(previousHash, 'hex').update(text, 'utf8').digest('hex');
}

/** A draft's lines, each with its hash, and the last of these hashes. */
export function chained(
  written: { readonly accountId: number; readonly recordedAtMs: number },
  { lines, state }: Pick<Draft, 'lines' | 'state'>,
): { readonly lines: readonly ChainedLine[]; readonly lastHash: string } {
  let lastHash = state.lastLedgerHash;
  const hashed = lines.map((line) => {
    lastHash = hashAfter(lastHash, entryText({ ...written, ...line }, chargesText(line)));
    return { ...line, hash: lastHash };
  });
  return { lines: hashed, lastHash };
}
