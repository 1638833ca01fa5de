import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { invariant } from '../core/errors.ts';
import { SECRET_BYTES, SECRET_START } from './webhook.ts';

const CIPHER = 'aes-256-gcm';
export const BOX_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The id of a new message. */
export function newWebhookId(): string {
  return `msg_${randomUUID().replaceAll('-', '')}`;
}

/** A new signing secret, in the form of Standard Webhooks. */
export function newWebhookSecret(): string {
  return SECRET_START + randomBytes(SECRET_BYTES).toString('base64');
}

/**
 * Encrypts secrets that must be readable again (a signature needs the secret itself, not a hash), so that the
 * database alone does not reveal them. A sealed secret opens only for its account. The first key seals, and all of them open, so
 * that a key can be replaced.
 */
export class SecretBox {
  private readonly first: Buffer;

  constructor(private readonly keys: readonly Buffer[]) {
    const [first] = keys;
    invariant(first !== undefined, 'the secret box has a key');
    const isKey = ({ length }: Buffer): boolean => length === BOX_KEY_BYTES;
    invariant(keys.every(isKey), 'keys of the secret box', { keys: keys.length });
    this.first = first;
  }

  /** @returns nonce, tag and ciphertext */
  seal(secret: string, accountId: number): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.first, nonce).setAAD(boundTo(accountId));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** Whether a sealed secret can be opened. */
  opens(sealed: Buffer, accountId: number): boolean {
    return this.keys.some((key) => openWith(key, sealed, accountId) !== null);
  }

  /** Whether a secret was sealed with the first key. */
  isCurrent(sealed: Buffer, accountId: number): boolean {
    return openWith(this.first, sealed, accountId) !== null;
  }

  /** @throws Error when it was sealed with another key or for another account, or was changed */
  open(sealed: Buffer, accountId: number): string {
    for (const key of this.keys) {
      const secret = openWith(key, sealed, accountId);
      if (secret !== null) return secret;
    }
    throw new Error(
      'A webhook secret cannot be read: WEBHOOK_SECRET_KEY is not the key that it was sealed with.',
    );
  }
}

/** The box of some keys; null without any. */
export function secretBox(keys: readonly Buffer[]): SecretBox | null {
  return keys.length === 0 ? null : new SecretBox(keys);
}

function openWith(key: Buffer, sealed: Buffer, accountId: number): string | null {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(boundTo(accountId))
    .setAuthTag(tag);
  try {
    const secret = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([secret, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

function boundTo(accountId: number): Buffer {
  return Buffer.from(`webhook secret of account ${accountId}`);
}
