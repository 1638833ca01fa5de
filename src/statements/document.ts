// What a statement says, to the byte: docs/statements.md describes it for others. A statement that was handed out stays as it is, so
// a later change of these types is a new `version`.

/**
 * The content of a statement: the closed books of one billing cycle. Amounts are credits as decimal strings with up to six digits,
 * as the API writes them. Instants are in UTC with milliseconds. Ids are those of the API.
 */
export interface StatementDocument {
  readonly type: 'billing-statement';
  readonly version: 1;
  readonly id: string;
  /** 1, 2, 3 … of the account: the number of its cycle. */
  readonly number: number;
  /** Who issued it: ISSUER_NAME. */
  readonly issuer: string;
  readonly account: {
    readonly id: string;
    readonly externalId: string | null;
    readonly name: string;
    readonly timeZone: string;
  };
  /** The cycle [from, to). */
  readonly cycle: { readonly number: number; readonly from: string; readonly to: string };
  readonly issuedAt: string;
  /** opening + allocated - used - expired + adjusted = closing, as in `BillingCycle`. */
  readonly credits: StatementCredits;
  /** What `used` is made of, by what the entries of the cycle charged and gave back; sums of 0 are left out. */
  readonly used: StatementUse;
  /**
   * The allocations of credits that had something left when the cycle began or ended, or that took effect in it, in the order of
   * spending. What remains of all of them is `closing`, or 0 while that is negative.
   */
  readonly lots: readonly StatementLot[];
  /** The entries of the cycle: the first and the last one (its CARRY_OVER), and the hash of that, in hex. */
  readonly ledger: {
    readonly firstSequence: number;
    readonly lastSequence: number;
    readonly lastHash: string;
  };
  /** The SHA-256 of the statement before, in hex; null: it is the first. */
  readonly previousSha256: string | null;
}

export interface StatementCredits {
  readonly opening: string;
  readonly allocated: string;
  readonly used: string;
  readonly expired: string;
  readonly adjusted: string;
  readonly closing: string;
}

/** Each list but byHardware adds up to `used`; byHardware adds up to the component HOSTING. */
export interface StatementUse {
  readonly byCategory: readonly { readonly category: string; readonly credits: string }[];
  readonly byComponent: readonly { readonly component: string; readonly credits: string }[];
  /** By the name of the hardware profile. */
  readonly byHardware: readonly { readonly hardware: string; readonly credits: string }[];
  /** The largest first. Names are those at `issuedAt`. */
  readonly byResource: readonly StatementResource[];
}

/** A resource, or a model (kind MODEL), which fine-tuning and storage belong to. */
export interface StatementResource {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly externalId: string;
  readonly credits: string;
}

export interface StatementLot {
  readonly allocationId: string;
  readonly source: string;
  readonly amount: string;
  /** At the end of the cycle; "0" of one that expired or was voided in it. */
  readonly remaining: string;
  readonly priority: number;
  readonly effectiveAt: string;
  readonly expiresAt: string | null;
}

/** A statement as it is handed out. */
export interface SignedStatement {
  readonly document: StatementDocument;
  /** Of the document's canonical bytes (RFC 8785), in hex. */
  readonly sha256: string;
  /** Which of the keys in /.well-known/billing-keys.json. */
  readonly keyId: string;
  /** Ed25519, over the same bytes, in base64. */
  readonly signature: string;
}
