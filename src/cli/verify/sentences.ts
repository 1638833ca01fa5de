// What the verification says of a ledger.

import { formatMicro } from '../../core/micro.ts';
import type { LedgerFault } from '../../recording/ledger-check.service.ts';

/** A fault of a ledger, as a sentence. */
export function sentence(fault: LedgerFault): string {
  switch (fault.what) {
    case 'MISSING':
    case 'MOVED':
      return rangeSentence(fault);
    case 'CHARGES_CHANGED':
      return `The charges of entry ${fault.sequence} were changed: they add up to ${formatMicro(fault.chargedMicro)}, its amount is ${formatMicro(fault.amountMicro)}.`;
    case 'LAST_ENTRY':
      return `The account's row names another last entry or hash than entry ${fault.lastSequence}.`;
    case 'BALANCE':
      return `The account's balance is ${formatMicro(fault.balanceMicro)}, that of its last entry ${formatMicro(fault.lastEntryBalanceMicro)}.`;
    case 'CHANGED':
    case 'HASH_CHANGED':
    case 'INSERTED':
    case 'UNREADABLE':
      return ENTRY_SENTENCES[fault.what](fault.sequence);
  }
}

const ENTRY_SENTENCES = {
  CHANGED: (sequence: number) => `Entry ${sequence} or one of its charges was changed.`,
  HASH_CHANGED: (sequence: number) =>
    `The hash of entry ${sequence} was changed; the entry was not.`,
  INSERTED: (sequence: number) => `Entry ${sequence} was inserted: the gateway did not write it.`,
  UNREADABLE: (sequence: number) => `From entry ${sequence} on, nothing is as it was written.`,
};

function rangeSentence(fault: Extract<LedgerFault, { what: 'MISSING' | 'MOVED' }>): string {
  const { from, to } = fault;
  const named = from === to ? `Entry ${from} was` : `Entries ${from} to ${to} were`;
  if (fault.what === 'MISSING') return `${named} deleted.`;
  const [first, last] = [from - fault.by, to - fault.by];
  return `${named} written as ${from === to ? `entry ${first}` : `entries ${first} to ${last}`}.`;
}
