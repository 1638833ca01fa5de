// Changes of several tables that are computed from the same sets. A single database makes all of them with one statement. Citus lets a
// statement insert into one table only, so on a distributed database each insertion is a statement that computes the sets again.

import type { Tx } from './database.ts';
import { join, raw, sql, type Sql } from './sql.ts';

/** Rows that are inserted into a table of accounts. */
export interface Insertion {
  /** With the alias that `onConflict` needs: "usage_by_unit as r". */
  readonly into: Sql;
  /** Those of the rows beside account_id. */
  readonly columns: Sql;
  /** Where the rows are, in an order that keeps the table in that of its key: "tiers order by account_id, bucket". */
  readonly from: Sql;
  readonly onConflict: Sql;
}

/** On a distributed database the changes are of one account, and each table that they read or update is asked for it by a value. */
export interface Changes {
  /** "rollups.foldEvents" */
  readonly name: string;
  readonly accountIds: readonly number[];
  /** Parts of a `with`. */
  readonly sets: Sql;
  readonly updates?: readonly Sql[];
  readonly insertions: readonly Insertion[];
}

export async function makeChanges(tx: Tx, changes: Changes): Promise<void> {
  const { name, accountIds, sets, updates = [], insertions } = changes;
  const comment = raw(`/* ${name} */`);
  const updated = updates.map((update, index) => sql`${raw(`updated_${index}`)} as (${update})`);
  if (!tx.isDistributed) {
    const inserted = insertions.map(
      ({ into, columns, from, onConflict }, index) => sql`${raw(`inserted_${index}`)} as (
        insert into ${into} (account_id, ${columns}) select account_id, ${columns} from ${from} ${onConflict})`,
    );
    await tx.query(sql`${comment} with ${join([sets, ...updated, ...inserted], ', ')} select 1`);
    return;
  }
  if (updated.length > 0) {
    tx.later(sql`${comment} with ${join([sets, ...updated], ', ')} select 1`);
  }
  for (const { into, columns, from, onConflict } of insertions) {
    // Beside the account's own row the insertion runs on its server alone.
    tx.later(sql`${comment} insert into ${into} (account_id, ${columns})
      select own.account_id, x.* from account own cross join (with ${sets} select ${columns} from ${from}) x
      where own.account_id = any(${accountIds}::int[]) ${onConflict}`);
  }
}
