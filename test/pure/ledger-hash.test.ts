// The example of docs/statements.md. Its hashes were computed with openssl of the bytes that stand there.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { LedgerLine } from '../../src/engine/ledger.ts';
import { FIRST_HASH } from '../../src/settlement/entry-text.ts';
import { chained } from '../../src/settlement/ledger-hash.service.ts';

const HASHES = [
  '878bd8711bbaaa60543d955b5ec92fdd540441650739d8958b6ca8618820028a',
  'ac7196addadd42b59942c849c9027ff94740b53397bca0dc5fb0d751a8a2b858',
  'd05b2dd6140e1cdb85a9b4620254a7a76e166ac02c28f220d7286e13288591bf',
];
const NOTHING = { allocationId: null, cycleId: 1, events: null, items: [], segments: [] };

const GRANT: LedgerLine = {
  ...NOTHING,
  sequence: 1,
  kind: 'ALLOCATION',
  amountMicro: 100_000_000n,
  balanceMicro: 100_000_000n,
  bookedAtMs: Date.UTC(2026, 2, 1),
  allocationId: 12,
  description: 'Granted: "Plan" für März',
};
const USAGE: LedgerLine = {
  ...NOTHING,
  sequence: 2,
  kind: 'USAGE',
  amountMicro: -4_500_000n,
  balanceMicro: 95_500_000n,
  bookedAtMs: Date.UTC(2026, 2, 2, 9, 30, 0, 120),
  events: { firstSeq: 1, lastSeq: 4 },
  items: [
    { of: 'EVENT', id: 1, chargedMicro: 2_500_000n },
    { of: 'EVENT', id: 3, chargedMicro: 1_500_000n },
    { of: 'SEGMENT', id: 40, chargedMicro: 500_000n },
  ],
  description: 'Usage',
};
const REVERSAL: LedgerLine = {
  ...NOTHING,
  sequence: 3,
  kind: 'REVERSAL',
  amountMicro: 1_500_000n,
  balanceMicro: 97_000_000n,
  bookedAtMs: Date.UTC(2026, 2, 2, 10),
  events: { firstSeq: 3, lastSeq: 3 },
  items: [{ of: 'EVENT', id: 3, chargedMicro: 1_500_000n }],
  description: 'Usage taken back',
};

/** The hashes of lines that are recorded a number of milliseconds after each was booked. */
function hashesOf(lines: readonly (readonly [LedgerLine, number])[]): readonly string[] {
  let lastLedgerHash = FIRST_HASH;
  return lines.map(([line, afterMs]) => {
    const written = { accountId: 7, recordedAtMs: line.bookedAtMs + afterMs };
    const state = { lastLedgerHash } as Parameters<typeof chained>[1]['state'];
    const { lines: hashed, lastHash } = chained(written, { lines: [line], state });
    lastLedgerHash = lastHash;
    return hashed[0]?.hash ?? '';
  });
}

describe('the hashes of the ledger', () => {
  it('are those of the example in the docs, which openssl computed', () => {
    const hashes = hashesOf([
      [GRANT, 250],
      [USAGE, 3],
      [REVERSAL, 0],
    ]);

    expect(hashes).toEqual(HASHES);
    const docs = readFileSync('docs/statements.md', 'utf8');
    let before = Buffer.alloc(32);
    const hashesOfDocs = [...docs.matchAll(/^\{"account":.*$/gm)].map(([text]) => {
      before = createHash('sha256').update(before).update(text).digest();
      return before.toString('hex');
    });
    expect(hashesOfDocs).toEqual(HASHES);
    expect(docs).toContain(HASHES.join('\n'));
  });

  it('take charges of hosting by segment, whatever the order in which they were posted', () => {
    const charge = (segmentId: number): LedgerLine['segments'][number] => ({
      segmentId,
      chargedMicro: 5n,
    });
    const posted = { ...USAGE, events: null, items: [] };

    const [one] = hashesOf([[{ ...posted, segments: [charge(9), charge(10)] }, 0]]);
    const [other] = hashesOf([[{ ...posted, segments: [charge(10), charge(9)] }, 0]]);

    expect(one).toBe(other);
  });
});
