import { NO_ACCOUNT } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import { at, int, text } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import type { NewPortalToken } from './portal-token.ts';

/** Holds the key that makes a token, so that it is not revoked meanwhile. @returns false when it was revoked */
export async function holdKey(tx: Tx, accountId: number | null, keyId: number): Promise<boolean> {
  const rows = await tx.query(sql`/* access.holdKey */ select key_id from api_key
     where account_id = ${accountId ?? NO_ACCOUNT} and key_id = ${keyId}::bigint and revoked_at is null for share`);
  return rows.length > 0;
}

/** How many tokens of an account are in force at an instant. */
export async function countTokensInForce(tx: Tx, accountId: number, atMs: number): Promise<number> {
  const rows = await tx.query(sql`/* access.countTokensInForce */ select count(*) from api_key
     where account_id = ${accountId} and is_portal_token and revoked_at is null and expires_at > ${at(atMs)}`);
  return int(rows[0] ?? {}, 'count');
}

export async function insertToken(
  tx: Tx,
  token: NewPortalToken,
  { secretSha256, prefix }: { readonly secretSha256: Buffer; readonly prefix: string },
): Promise<void> {
  await tx.query(sql`/* access.insertToken */ insert into api_key
     (account_id, name, prefix, secret_sha256, scopes, created_at, expires_at, is_portal_token, parent_key_id, origins)
     values (${token.accountId}, 'Portal token', ${prefix}, ${secretSha256}, '{READ_USAGE}', ${at(token.createdAtMs)},
       ${at(token.expiresAtMs)}, true, ${token.parentKeyId}, ${token.origins})`);
}

/** Revokes the tokens that a key made. */
export async function revokeTokensOf(tx: Tx, keyId: number, atMs: number): Promise<void> {
  await tx.query(sql`/* access.revokeTokensOf */ update api_key set revoked_at = ${at(atMs)}
     where is_portal_token and parent_key_id = ${keyId} and revoked_at is null`);
}

/** Those of some origins that a token in force names. */
export async function findTokenOrigins(
  tx: Tx,
  origins: readonly string[],
  atMs: number,
): Promise<ReadonlySet<string>> {
  const rows = await tx.query(sql`/* access.findTokenOrigins */
     select o.origin from unnest(${origins}::text[]) o (origin) where exists (
       select from api_key where is_portal_token and origins @> array[o.origin] and revoked_at is null
         and expires_at > ${at(atMs)})`);
  return new Set(rows.map((row) => text(row, 'origin')));
}

/** Deletes the tokens that have expired by an instant. */
export async function deleteExpiredTokens(tx: Tx, atMs: number): Promise<void> {
  await tx.query(
    sql`/* access.deleteExpiredTokens */ delete from api_key where is_portal_token and expires_at <= ${at(atMs)}`,
  );
}
