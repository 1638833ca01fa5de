// The secrets of keys and portal tokens: how they are made, and what is kept of them.

import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** A secret that nobody can guess. @param start says what it is for */
export function newSecret(start: string): string {
  return start + randomBytes(SECRET_BYTES).toString('base64url');
}

/** What is kept and compared of a secret. */
export function sha256Of(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
