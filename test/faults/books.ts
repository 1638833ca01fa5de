// What the driver knows of an account by what it was answered: its own books, in micro-credits.

import type { Rates } from './hardware.ts';

export type Known = 'YES' | 'NO' | 'UNKNOWN';

/** An event that was sent. */
export interface SentEvent {
  readonly creditsMicro: bigint;
  /** Whether it was recorded. */
  recorded: Known;
  voided: Known;
}

/** An allocation or an adjustment that was asked for. */
export interface SentAmount {
  readonly amountMicro: bigint;
  booked: Known;
}

/** A stretch of hosting. All instants are the driver's own. */
export interface Stretch {
  readonly fromMs: number;
  readonly replicas: number;
  toMs: number | null;
}

export class Books {
  readonly events = new Map<string, SentEvent>();
  /** When each event happened that was sent. */
  readonly occurredAt = new Map<string, string>();
  readonly amounts = new Map<string, SentAmount>();
  readonly hosting: Stretch[] = [];
  /** How often a limit was moved across the balance, so how many alerts there must be. */
  crossings = 0;
  /** What is to be sent again until it is known how it came out. */
  readonly unsettled: (() => Promise<void>)[] = [];

  /** @param clock where the clock of a test account stands; null: a real account */
  constructor(
    readonly accountId: string,
    /** Its external id. */
    readonly name: string,
    readonly clock: { ms: number } | null,
    private readonly rates: Rates,
  ) {}

  /** The identities of events of which something is certain. */
  eventIds(recorded: Known, voided?: Known): readonly string[] {
    return [...this.events]
      .filter(
        ([, event]) =>
          event.recorded === recorded && (voided === undefined || event.voided === voided),
      )
      .map(([id]) => id)
      .sort();
  }

  /** What usage cost: events that were not voided. */
  get usedByEventsMicro(): bigint {
    return sum(
      [...this.events.values()]
        .filter(({ recorded, voided }) => recorded === 'YES' && voided === 'NO')
        .map(({ creditsMicro }) => creditsMicro),
    );
  }

  /** What hosting cost that has ended. */
  get usedByHostingMicro(): bigint {
    return sum(
      this.hosting.map(({ fromMs, toMs, replicas }) =>
        toMs === null ? 0n : this.rates.costMicro(fromMs, toMs, replicas),
      ),
    );
  }

  get grantedMicro(): bigint {
    return sum(
      [...this.amounts.values()]
        .filter(({ booked }) => booked === 'YES')
        .map(({ amountMicro }) => amountMicro),
    );
  }

  get balanceMicro(): bigint {
    return this.grantedMicro - this.usedByEventsMicro - this.usedByHostingMicro;
  }

  /** Sends again what nobody knows of, until all is known. */
  async settle(): Promise<void> {
    for (const again of this.unsettled.splice(0)) await again();
  }
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
