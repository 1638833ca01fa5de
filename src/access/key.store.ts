import { Column, Entity, PrimaryColumn } from 'typeorm';
import { invariant } from '../core/errors.ts';
import { NO_ACCOUNT, scopes, type Scope } from '../core/identity.ts';
import { instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, atOrNull, int, ms, msOrNull, type Row, text, texts } from '../db/decode.ts';
import type { ApiKey, NewApiKey } from './key.ts';
import { raw, sql, unnested } from '../db/sql.ts';

@Entity('api_key')
export class ApiKeyRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'key_id', type: 'int' }) keyId!: number;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'prefix', type: 'text' }) prefix!: string;
  @Column({ name: 'secret_sha256', type: 'bytea' }) secretSha256!: Buffer;
  @Column({ name: 'scopes', type: 'text', array: true }) scopes!: string[];
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'expires_at', nullable: true, ...instantColumn }) expiresAtMs!: number | null;
  @Column({ name: 'last_used_at', nullable: true, ...instantColumn }) lastUsedAtMs!: number | null;
  @Column({ name: 'revoked_at', nullable: true, ...instantColumn }) revokedAtMs!: number | null;
  @Column({ name: 'is_portal_token', type: 'boolean' }) isPortalToken!: boolean;
  @Column({ name: 'parent_key_id', nullable: true, type: 'int' }) parentKeyId!: number | null;
  @Column({ name: 'origins', type: 'text', array: true }) origins!: string[];
}

const KEYS_LOCK = 5_120_448_907;
const COLUMNS =
  'account_id, key_id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at, is_portal_token, origins';

/** The key or portal token with this hash, whatever its state. */
export async function findKeyBySecret(tx: Tx, secretSha256: Buffer): Promise<ApiKey | null> {
  const rows = await tx.query(
    sql`/* access.findKeyBySecret */ select ${raw(COLUMNS)} from key_by_secret(${secretSha256})`,
  );
  return rows[0] === undefined ? null : keyFromRow(rows[0]);
}

/** An account's key, or (account null) an operator's. */
export async function findKey(
  tx: Tx,
  accountId: number | null,
  keyId: number,
): Promise<ApiKey | null> {
  const rows = await tx.query(
    sql`/* access.findKey */ select ${raw(COLUMNS)} from api_key where account_id = ${accountId ?? NO_ACCOUNT} and key_id = ${keyId}::bigint and not is_portal_token`,
  );
  return rows[0] === undefined ? null : keyFromRow(rows[0]);
}

/** The keys of an account, or (null) the operators', newest first; revoked and expired ones too, up to `limit`. */
export async function listKeys(
  tx: Tx,
  accountId: number | null,
  limit: number,
): Promise<readonly ApiKey[]> {
  const rows = await tx.query(
    sql`/* access.listKeys */ select ${raw(COLUMNS)} from api_key where account_id = ${accountId ?? NO_ACCOUNT} and not is_portal_token order by key_id desc limit ${limit}`,
  );
  return rows.map(keyFromRow);
}

/** The indexes of keys in a list that are not in force at an instant; unknown keys are not either. */
export async function findEndedKeys(
  tx: Tx,
  keys: readonly Pick<ApiKey, 'accountId' | 'keyId'>[],
  atMs: number,
): Promise<ReadonlySet<number>> {
  const rows = await tx.query(sql`/* access.findEndedKeys */ select k.place from ${unnested(
    keys,
    {
      account_id: ['int', (key) => key.accountId ?? NO_ACCOUNT],
      key_id: ['int', (key) => key.keyId],
    },
    { ordinal: 'place' },
  )}
     left join api_key a using (account_id, key_id)
     where a.key_id is null or a.revoked_at is not null or a.expires_at <= ${at(atMs)}`);
  return new Set(rows.map((row) => int(row, 'place') - 1));
}

/** How many keys of an account (null: operators' keys) are in force at an instant. */
export async function countKeysInForce(
  tx: Tx,
  accountId: number | null,
  atMs: number,
): Promise<number> {
  const rows = await tx.query(sql`/* access.countKeysInForce */ select count(*) from api_key
     where account_id = ${accountId ?? NO_ACCOUNT} and not is_portal_token and revoked_at is null and (expires_at is null or expires_at > ${at(atMs)})`);
  return int(rows[0] ?? {}, 'count');
}

/** @returns the new key, or null when a key with this secret exists */
export async function insertKey(
  tx: Tx,
  key: NewApiKey,
  secretSha256: Buffer,
): Promise<ApiKey | null> {
  const rows =
    await tx.query(sql`/* access.insertKey */ insert into api_key (account_id, name, prefix, secret_sha256, scopes, created_at, expires_at)
     values (${key.accountId ?? NO_ACCOUNT}, ${key.name}, ${key.prefix}, ${secretSha256}, ${key.scopes}, ${at(key.createdAtMs)}, ${atOrNull(key.expiresAtMs)}) on conflict (secret_sha256) do nothing returning ${raw(COLUMNS)}`);
  return rows[0] === undefined ? null : keyFromRow(rows[0]);
}

/** Revokes a key. @returns null when there is none or it was revoked before */
export async function revokeKey(
  tx: Tx,
  key: Pick<ApiKey, 'accountId' | 'keyId'>,
  atMs: number,
): Promise<ApiKey | null> {
  const rows = await tx.query(sql`/* access.revokeKey */ update api_key set revoked_at = ${at(atMs)}
     where account_id = ${key.accountId ?? NO_ACCOUNT} and key_id = ${key.keyId}::bigint and not is_portal_token
       and revoked_at is null returning ${raw(COLUMNS)}`);
  return rows[0] === undefined ? null : keyFromRow(rows[0]);
}

/** Revokes all keys and portal tokens of an account. */
export async function revokeKeys(tx: Tx, accountId: number, atMs: number): Promise<void> {
  await tx.query(sql`/* access.revokeKeys */ update api_key set revoked_at = ${at(atMs)}
     where account_id = ${accountId} and revoked_at is null`);
}

/** Writes the last use, unless one was written at or after `unlessSinceMs` (by another gateway). */
export async function touchKey(
  tx: Tx,
  key: Pick<ApiKey, 'accountId' | 'keyId'>,
  used: { readonly atMs: number; readonly unlessSinceMs: number },
): Promise<void> {
  await tx.query(sql`/* access.touchKey */ update api_key set last_used_at = ${at(used.atMs)}
     where account_id = ${key.accountId ?? NO_ACCOUNT} and key_id = ${key.keyId}::bigint and (last_used_at is null or last_used_at < ${at(used.unlessSinceMs)})`);
}

/** Holds off the first starts of other gateways until the transaction ends: one of them makes the operator's key. */
export async function lockKeys(tx: Tx): Promise<void> {
  await tx.query(sql`/* access.lockKeys */ select pg_advisory_xact_lock(${KEYS_LOCK})`);
}

function keyFromRow(row: Row): ApiKey {
  const accountId = int(row, 'account_id');
  return {
    accountId: accountId === NO_ACCOUNT ? null : accountId,
    keyId: int(row, 'key_id'),
    name: text(row, 'name'),
    prefix: text(row, 'prefix'),
    scopes: texts(row, 'scopes').map(scopeNamed),
    createdAtMs: ms(row, 'created_at'),
    expiresAtMs: msOrNull(row, 'expires_at'),
    lastUsedAtMs: msOrNull(row, 'last_used_at'),
    revokedAtMs: msOrNull(row, 'revoked_at'),
    isPortalToken: row['is_portal_token'] === true,
    origins: texts(row, 'origins'),
  };
}

function scopeNamed(name: string): Scope {
  const scope = Object.values(scopes).find((known) => known === name);
  invariant(scope !== undefined, 'known scope', { name });
  return scope;
}
