// The keys that sign statements. They are rows, so all gateways of a database have the same ones, and the secret half is sealed as the
// secrets of webhooks are. Each key signs from its `notBefore` on until that of the next one; all public halves stay listed.

import type { Clock } from '../core/clock.ts';
import { ConflictError, UnavailableError } from '../core/errors.ts';
import { NO_ACCOUNT } from '../core/identity.ts';
import { isoInstant } from '../core/range.ts';
import type { Database, Tx } from '../db/database.ts';
import { insertKey, listKeys, lockKeys, saveSealed, type SealedKey } from './keys.store.ts';
import { keyIdOf, type KeyPair, newKeyPair } from './signature.service.ts';
import type { StatementKey } from './statement.ts';

/** Until a new key signs: by then no gateway is still signing with what it read before the key was there. */
export const KEY_LEAD_MS = 60_000;

/** Seals the secret half of keys; partners' box of secrets does. */
export interface SealingBox {
  seal(secret: string, accountId: number): Buffer;
  open(sealed: Buffer, accountId: number): string;
  isCurrent(sealed: Buffer, accountId: number): boolean;
  opens(sealed: Buffer, accountId: number): boolean;
}

/** A public key with the time in which it signs; `notAfterMs` null: no later one is known yet. */
export interface PublishedKey extends StatementKey {
  readonly notAfterMs: number | null;
}

/** A key that can sign. */
export interface SigningKey extends KeyPair {
  readonly keyId: string;
}

export interface StatementKeysDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Null: there is none, so there are no keys. */
  readonly box: SealingBox | null;
}

export class StatementKeys {
  private reading: Promise<readonly PublishedKey[]> | null = null;

  constructor(private readonly deps: StatementKeysDeps) {}

  /** Whether keys can be sealed and opened. */
  get canSign(): boolean {
    return this.deps.box !== null;
  }

  /** All public keys, the oldest first. Anybody may ask for them, so those who ask at one time share one connection. */
  list(): Promise<readonly PublishedKey[]> {
    this.reading ??= this.deps.database
      .inSnapshot('nobody', listKeys)
      .then(published)
      .finally(() => {
        this.reading = null;
      });
    return this.reading;
  }

  /** Makes the first key, if there is none. */
  async ensureFirst(): Promise<void> {
    const { database, clock, box } = this.deps;
    if (box === null) return;
    await database.inTransaction('nobody', async (tx) => {
      await lockKeys(tx);
      if ((await listKeys(tx)).length > 0) return;
      await insertKey(tx, newKey(box, clock.nowMs()));
    });
  }

  /**
   * Makes a key that signs all statements from a minute later on.
   * @throws UNAVAILABLE without WEBHOOK_SECRET_KEY; CONFLICT while another new key waits for its time
   */
  async rotate(): Promise<StatementKey> {
    const { database, clock, box } = this.deps;
    if (box === null) throw noBox();
    return database.inTransaction('nobody', async (tx) => {
      await lockKeys(tx);
      const nowMs = clock.nowMs();
      const last = (await listKeys(tx)).at(-1);
      if (last !== undefined && last.notBeforeMs > nowMs) {
        throw new ConflictError(
          `The key ${last.keyId} is new already: it signs from ${isoInstant(last.notBeforeMs)} on.`,
        );
      }
      const key = newKey(box, last === undefined ? nowMs : nowMs + KEY_LEAD_MS);
      await insertKey(tx, key);
      return key;
    });
  }

  /** The key that signs at an instant. @throws UNAVAILABLE when there is none, or its seal cannot be opened */
  async current(tx: Tx, atMs: number): Promise<SigningKey> {
    const { box } = this.deps;
    const key = (await listKeys(tx)).filter(({ notBeforeMs }) => notBeforeMs <= atMs).at(-1);
    if (box === null || key === undefined) throw noBox();
    if (!box.opens(key.sealed, NO_ACCOUNT)) {
      throw new UnavailableError(
        `The key ${key.keyId} of statements cannot be read: WEBHOOK_SECRET_KEY is not the key that it was sealed with.`,
      );
    }
    const { keyId, publicKey } = key;
    return { keyId, publicKey, privateKey: box.open(key.sealed, NO_ACCOUNT) };
  }

  /** Seals all keys with the first key of the box, if they can be opened. @returns how many */
  async reseal(): Promise<number> {
    const { database, box } = this.deps;
    if (box === null) return 0;
    return database.inTransaction('nobody', async (tx) => {
      await lockKeys(tx);
      const old = (await listKeys(tx)).filter(
        ({ sealed }) => !box.isCurrent(sealed, NO_ACCOUNT) && box.opens(sealed, NO_ACCOUNT),
      );
      for (const { keyId, sealed } of old) {
        const again = box.seal(box.open(sealed, NO_ACCOUNT), NO_ACCOUNT);
        await saveSealed(tx, { keyId, sealed: again });
      }
      return old.length;
    });
  }
}

/** Keys with their end: the beginning of the next one. @param keys the oldest first */
export function published(keys: readonly StatementKey[]): readonly PublishedKey[] {
  return keys.map(({ keyId, publicKey, notBeforeMs }, index) => ({
    keyId,
    publicKey,
    notBeforeMs,
    notAfterMs: keys[index + 1]?.notBeforeMs ?? null,
  }));
}

function newKey(box: SealingBox, notBeforeMs: number): SealedKey {
  const { publicKey, privateKey } = newKeyPair();
  const sealed = box.seal(privateKey, NO_ACCOUNT);
  return { keyId: keyIdOf(publicKey), publicKey, sealed, notBeforeMs };
}

function noBox(): UnavailableError {
  return new UnavailableError(
    'Statements cannot be signed: WEBHOOK_SECRET_KEY is not set, with which their keys are sealed.',
  );
}
