// Ed25519 by Node's own crypto. A key is named by its own thumbprint (RFC 7638), so that a name never stands for two keys.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto';
import { present } from '../core/errors.ts';

const ED25519 = { kty: 'OKP', crv: 'Ed25519' } as const;

/** A key pair; both halves are 32 bytes in base64url. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

export function newKeyPair(): KeyPair {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { publicKey: present(x, 'a key has x'), privateKey: present(d, 'a private key has d') };
}

/** The name of a public key: its thumbprint, in base64url. */
export function keyIdOf(publicKey: string): string {
  const { kty, crv } = ED25519;
  const text = JSON.stringify({ crv, kty, x: publicKey });
  return createHash('sha256').update(text).digest('base64url');
}

/** In hex. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** The signature over a text in UTF-8, in base64. */
export function signText(text: string, { publicKey, privateKey }: KeyPair): string {
  const key = createPrivateKey({
    key: { ...ED25519, x: publicKey, d: privateKey },
    format: 'jwk',
  });
  return sign(null, Buffer.from(text, 'utf8'), key).toString('base64');
}

/** Whether a signature is that of a key over a text. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const key = createPublicKey({ key: { ...ED25519, x: publicKey }, format: 'jwk' });
  return verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64'));
}
