import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, bytes, ms, type Row, text } from '../db/decode.ts';
import { sql } from '../db/sql.ts';
import type { StatementKey } from './statement.ts';

@Entity('statement_key')
export class StatementKeyRow {
  @PrimaryColumn({ name: 'key_id', type: 'text' }) keyId!: string;
  @Column({ name: 'public_key', type: 'text' }) publicKey!: string;
  @Column({ name: 'sealed', type: 'bytea' }) sealed!: Buffer;
  @Column({ name: 'not_before', ...instantColumn }) notBeforeMs!: number;
}

/** A key with its sealed secret. */
export interface SealedKey extends StatementKey {
  readonly sealed: Buffer;
}

/** Key of the advisory lock on the list of keys ("stky"). */
const KEYS_LOCK = 0x73746b79;

/** Lets no other gateway add a key until the transaction ends. */
export async function lockKeys(tx: Tx): Promise<void> {
  await tx.query(sql`/* statements.lockKeys */ select pg_advisory_xact_lock(${KEYS_LOCK})`);
}

/** All keys, the oldest first. */
export async function listKeys(tx: Tx): Promise<readonly SealedKey[]> {
  const rows = await tx.query(
    sql`/* statements.listKeys */ select key_id, public_key, sealed, not_before from statement_key order by not_before`,
  );
  return rows.map(keyFromRow);
}

export async function insertKey(tx: Tx, key: SealedKey): Promise<void> {
  await tx.query(sql`/* statements.insertKey */ insert into statement_key (key_id, public_key, sealed, not_before)
     values (${key.keyId}, ${key.publicKey}, ${key.sealed}, ${at(key.notBeforeMs)})`);
}

/** Replaces the sealed form of a key. */
export async function saveSealed(
  tx: Tx,
  key: { readonly keyId: string; readonly sealed: Buffer },
): Promise<void> {
  await tx.query(
    sql`/* statements.saveSealed */ update statement_key set sealed = ${key.sealed} where key_id = ${key.keyId}`,
  );
}

function keyFromRow(row: Row): SealedKey {
  return {
    keyId: text(row, 'key_id'),
    publicKey: text(row, 'public_key'),
    sealed: bytes(row, 'sealed'),
    notBeforeMs: ms(row, 'not_before'),
  };
}
