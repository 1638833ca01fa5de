// What statements are made of, and how they are kept.

import type { SubjectKind } from '../rollups/kinds.ts';
import type { CreditComponent } from '../views/sums.ts';

/** Who issues statements, where nothing else is configured. */
export const ISSUER_NAME = 'Billing Gateway';

/** A statement without its document. Hashes are in hex. */
export interface Statement {
  readonly accountId: number;
  /** That of its cycle. */
  readonly number: number;
  readonly sha256: string;
  readonly keyId: string;
  /** In base64. */
  readonly signature: string;
  readonly issuedAtMs: number;
  readonly previousSha256: string | null;
  readonly lastSequence: number;
  readonly lastHash: string;
}

/** A statement with its document, in canonical form. */
export interface StoredStatement extends Statement {
  readonly text: string;
}

/** Points to a statement. */
export interface StatementRef {
  readonly accountId: number;
  readonly number: number;
}

/** A key that signs statements, without its secret. */
export interface StatementKey {
  readonly keyId: string;
  /** Ed25519: 32 bytes in base64url. */
  readonly publicKey: string;
  /** It signs from then on, until the next key does. */
  readonly notBeforeMs: number;
}

/** What one subject (a resource or a model) was charged in a cycle for one component on one hardware. */
export interface ChargeSum {
  readonly kind: SubjectKind;
  readonly subjectId: number;
  readonly name: string;
  readonly externalId: string;
  readonly component: CreditComponent;
  /** Null: it was not hosting. */
  readonly hardware: string | null;
  readonly usedMicro: bigint;
}

/** The entries of a cycle. */
export interface LedgerRange {
  readonly firstSequence: number;
  /** That of its CARRY_OVER. */
  readonly lastSequence: number;
  /** In hex. */
  readonly lastHash: string;
  /** The balance before the first entry. */
  readonly openingMicro: bigint;
  /** The balance of the last one. */
  readonly closingMicro: bigint;
}
