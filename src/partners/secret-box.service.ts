import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { invariant } from '../core/errors.ts';
import { SECRET_BYTES, SECRET_START } from './webhook.ts';

const CIPHER = 'aes-256-gcm';
export const BOX_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A new signing secret, in the form of Standard Webhooks. */
export function newWebhookSecret(): string {
  return SECRET_START + randomBytes(SECRET_BYTES).toString('base64');
}

/**
 * Encrypts secrets that must be readable again (a signature needs the secret itself, not a hash), so that the
 * database alone does not reveal them. A sealed secret opens only for its account.
 */
export class SecretBox {
  constructor(private readonly key: Buffer) {
    invariant(key.length === BOX_KEY_BYTES, 'key of the secret box', { bytes: key.length });
  }

  /** @returns nonce, tag and ciphertext */
  seal(secret: string, accountId: number): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, nonce).setAAD(boundTo(accountId));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** Whether a sealed secret can be opened. */
  opens(sealed: Buffer, accountId: number): boolean {
    try {
      return this.open(sealed, accountId) !== '';
    } catch {
      return false;
    }
  }

  /** @throws Error when it was sealed with another key or for another account, or was changed */
  open(sealed: Buffer, accountId: number): string {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, this.key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(boundTo(accountId))
      .setAuthTag(tag);
    try {
      const secret = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([secret, decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new Error(
        'A webhook secret cannot be read: WEBHOOK_SECRET_KEY is not the key that it was sealed with.',
        { cause },
      );
    }
  }
}

function boundTo(accountId: number): Buffer {
  return Buffer.from(`webhook secret of account ${accountId}`);
}
