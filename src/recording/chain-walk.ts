// Walks an account's ledger along its hashes and names what does not belong: each entry as the chain says that it was written, beside
// what its row says now.

import { FIRST_HASH, type HashedEntry } from '../settlement/entry-text.ts';

/** An entry as its row is now. */
export interface ChainedEntry {
  readonly entry: HashedEntry;
  /** What it charged, of the rows as they are now: chargesText, and their sum. */
  readonly charges: string;
  readonly chargedMicro: bigint;
  /** In hex. */
  readonly hash: string;
  /** Events that it charged are archived, so its hash cannot be computed again. */
  readonly isArchived: boolean;
}

/** What the account's own row says of its ledger. */
export interface LedgerHead {
  readonly lastSequence: number;
  readonly lastHash: string;
}

/** Something that is not as it was written. Sequences are those of the rows as they are now, but for what is missing. */
export type ChainFault =
  | { readonly what: 'CHANGED' | 'HASH_CHANGED' | 'INSERTED'; readonly sequence: number }
  | {
      readonly what: 'CHARGES_CHANGED';
      readonly sequence: number;
      readonly amountMicro: bigint;
      readonly chargedMicro: bigint;
    }
  | { readonly what: 'MISSING'; readonly from: number; readonly to: number }
  | {
      readonly what: 'MOVED';
      readonly from: number;
      readonly to: number;
      /** What was added to the sequences with which they were written. */
      readonly by: number;
    }
  | { readonly what: 'UNREADABLE'; readonly sequence: number }
  | { readonly what: 'LAST_ENTRY'; readonly lastSequence: number };

/** How far from its place an entry is looked for. */
const WINDOW = 100;

export interface Chain {
  /** By sequence. */
  readonly entries: AsyncIterable<ChainedEntry>;
  readonly head: LedgerHead;
  /** The hash of an entry, had it been written with this sequence after an entry with that hash. */
  readonly hashOf: (one: ChainedEntry, sequence: number, previousHash: string) => string;
}

/** What is wrong in an account's chain, and how many entries it has. */
export async function walkChain(
  chain: Chain,
): Promise<{ readonly entries: number; readonly faults: readonly ChainFault[] }> {
  const walk = new ChainWalk(chain);
  let entries = 0;
  for await (const one of chain.entries) {
    entries += 1;
    walk.add(one);
  }
  return { entries, faults: walk.end() };
}

class ChainWalk {
  private readonly faults: ChainFault[] = [];
  /** Rows whose place is not found yet, by their present sequence. */
  private waiting: ChainedEntry[] = [];
  private hash = FIRST_HASH;
  private sequence = 0;
  private isLost = false;

  constructor(private readonly chain: Pick<Chain, 'head' | 'hashOf'>) {}

  add(one: ChainedEntry): void {
    if (this.isLost) return;
    this.waiting.push(one);
    while (this.waiting.length > WINDOW) this.step(false);
    // Nearly always a row is the next entry, and none waits.
    if (this.waiting.length === 1 && this.isNext(one)) this.take(0);
  }

  end(): readonly ChainFault[] {
    while (this.waiting.length > 0) this.step(true);
    const { head } = this.chain;
    if (this.isLost) return this.faults;
    if (this.sequence < head.lastSequence) {
      this.faults.push({ what: 'MISSING', from: this.sequence + 1, to: head.lastSequence });
    } else if (!this.isAtHead()) {
      this.faults.push({ what: 'LAST_ENTRY', lastSequence: this.sequence });
    }
    return this.faults;
  }

  private step(isEnd: boolean): void {
    const [first] = this.waiting;
    if (first === undefined) return;
    const index = this.isAtHead() ? -1 : this.waiting.findIndex((one) => this.isNext(one));
    if (index >= 0) this.take(index);
    else if (this.isAtHead()) this.drop(first);
    else this.resume(isEnd);
    // It is not one of those around it.
    const stays = index > 0 && this.waiting[0] === first;
    if (stays && this.sequence - first.entry.sequence >= WINDOW) this.drop(first);
  }

  private isAtHead(): boolean {
    const { lastHash, lastSequence } = this.chain.head;
    return this.hash === lastHash && this.sequence === lastSequence;
  }

  private isNext(one: ChainedEntry): boolean {
    return this.fits(one, this.sequence + 1, this.hash);
  }

  private fits(one: ChainedEntry, sequence: number, previousHash: string): boolean {
    return this.chain.hashOf(one, sequence, previousHash) === one.hash;
  }

  /** Goes on to the next entry, whose row is found. */
  private take(index: number): void {
    const [one] = this.waiting.splice(index, 1);
    if (one === undefined) return;
    this.hash = one.hash;
    this.sequence += 1;
    if (one.entry.sequence !== this.sequence) this.moved(one.entry.sequence, this.sequence);
  }

  private moved(sequence: number, written: number): void {
    const by = sequence - written;
    const last = this.faults.at(-1);
    const continues = last?.what === 'MOVED' && last.by === by && last.to === sequence - 1;
    if (continues) this.faults.pop();
    this.faults.push({
      what: 'MOVED',
      from: continues ? last.from : sequence,
      to: sequence,
      by,
    });
  }

  private drop(one: ChainedEntry): void {
    this.waiting.shift();
    this.faults.push({ what: 'INSERTED', sequence: one.entry.sequence });
  }

  /** The next entry's row is not there as it was written: finds out what became of it, and where the chain goes on. */
  private resume(isEnd: boolean): void {
    const [first, second] = this.waiting;
    if (first === undefined) return;
    const computed = this.chain.hashOf(first, this.sequence + 1, this.hash);
    if (this.follows(second, computed)) {
      this.waiting.shift();
      this.faults.push({ what: 'HASH_CHANGED', sequence: first.entry.sequence });
      this.hash = computed;
      this.sequence += 1;
      return;
    }
    const found = this.findResumption(isEnd);
    if (found === null) {
      this.faults.push({ what: 'UNREADABLE', sequence: first.entry.sequence });
      this.waiting = [];
      this.isLost = true;
      return;
    }
    const passed = this.waiting.splice(0, found.rows);
    this.judge(passed, found);
    this.hash = passed.at(-1)?.hash ?? this.hash;
    this.sequence = found.sequence;
  }

  /** Whether what comes after the next entry was written after this hash. */
  private follows(second: ChainedEntry | undefined, hash: string): boolean {
    const sequence = this.sequence + 1;
    if (second !== undefined) return this.fits(second, sequence + 1, hash);
    const { head } = this.chain;
    return head.lastHash === hash && head.lastSequence === sequence;
  }

  /** After how many rows the chain goes on, and the sequence with which the last of these was written. */
  private findResumption(
    isEnd: boolean,
  ): { readonly rows: number; readonly sequence: number } | null {
    for (const [index, one] of this.waiting.entries()) {
      const next = this.waiting[index + 1];
      const shift = next === undefined ? null : this.shiftOf(next, one.hash);
      if (next !== undefined && shift !== null) {
        return { rows: index + 1, sequence: next.entry.sequence + shift - 1 };
      }
    }
    const last = this.waiting.at(-1);
    if (!isEnd || last === undefined) return null;
    const { lastHash, lastSequence } = this.chain.head;
    const rows = this.waiting.length;
    return { rows, sequence: last.hash === lastHash ? lastSequence : this.sequence + rows };
  }

  /** What has to be added to a row's sequence so that it is the entry after this hash; null: it is not. */
  private shiftOf(one: ChainedEntry, previousHash: string): number | null {
    for (let distance = 0; distance <= WINDOW; distance += 1) {
      for (const shift of distance === 0 ? [0] : [distance, -distance]) {
        const sequence = one.entry.sequence + shift;
        if (sequence > this.sequence && this.fits(one, sequence, previousHash)) return shift;
      }
    }
    return null;
  }

  /** Judges rows that are not as they were written, up to the one that was written with a sequence. */
  private judge(
    rows: readonly ChainedEntry[],
    { sequence: end }: { readonly sequence: number },
  ): void {
    const shift = end - (rows.at(-1)?.entry.sequence ?? end);
    const begin = this.sequence + 1;
    const written = new Set(rows.map(({ entry }) => entry.sequence + shift));
    let before = this.sequence;
    for (const sequence of written) {
      if (sequence > before + 1) {
        this.faults.push({ what: 'MISSING', from: before + 1, to: sequence - 1 });
      }
      before = Math.max(before, sequence);
    }
    for (const one of rows) {
      const sequence = one.entry.sequence + shift;
      if (sequence < begin) this.faults.push({ what: 'INSERTED', sequence: one.entry.sequence });
      // The hash before it is gone with the entry, so nothing says what it was.
      else if (sequence > begin && !written.has(sequence - 1)) this.unproven(one, sequence);
      else this.faults.push(changeOf(one));
    }
  }

  private unproven({ entry }: ChainedEntry, sequence: number): void {
    if (entry.sequence !== sequence) this.moved(entry.sequence, sequence);
  }
}

function changeOf({ entry, chargedMicro }: ChainedEntry): ChainFault {
  const { sequence, amountMicro, kind } = entry;
  const charges = kind === 'USAGE' || kind === 'REVERSAL';
  return charges && chargedMicro !== amountMicro
    ? { what: 'CHARGES_CHANGED', sequence, amountMicro, chargedMicro }
    : { what: 'CHANGED', sequence };
}
