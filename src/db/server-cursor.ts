// A long result, a batch at a time: it stays on the server, in a cursor of the transaction, and only a batch is in memory.

import type { Tx } from './database.ts';
import type { Row } from './decode.ts';
import { raw, sql, type Sql } from './sql.ts';

const ROWS_AT_A_TIME = 1_000;

/**
 * The rows of a select, in its order. A transaction can have one cursor after the other. While a batch is worked on, the next one
 * is read, so at most two are in memory.
 */
export async function* rowsInBatches(tx: Tx, select: Sql): AsyncGenerator<readonly Row[]> {
  await tx.query(sql`/* db.rowsInBatches */ declare batches no scroll cursor for ${select}`);
  for (let next = nextBatch(tx); ;) {
    const rows = await next;
    if (rows.length < ROWS_AT_A_TIME) {
      if (rows.length > 0) yield rows;
      break;
    }
    next = nextBatch(tx);
    // Whoever takes no more of the rows does not hear that this one failed.
    next.catch(() => undefined);
    yield rows;
  }
  await tx.query(sql`/* db.closeBatches */ close batches`);
}

function nextBatch(tx: Tx): Promise<readonly Row[]> {
  return tx.query(
    sql`/* db.nextBatch */ fetch forward ${raw(String(ROWS_AT_A_TIME))} from batches`,
  );
}
