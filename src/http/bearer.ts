// The secret that a caller sends, whatever it opens.

/** JWTs are longer than keys. */
const BEARER_LENGTH_MAX = 8_192;

/** The secret in a header `Authorization: Bearer <secret>`; null when there is none. */
export function bearerSecret(authorizationHeader: string | undefined): string | null {
  const secret = /^bearer +(\S+) *$/i.exec(authorizationHeader ?? '')?.[1];
  return secret === undefined || secret.length > BEARER_LENGTH_MAX ? null : secret;
}
