import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../ormconfig.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';

describe('transactions that do not wait for the disk', () => {
  let database: Database;

  beforeAll(async () => {
    const url = process.env['TEST_DATABASE_URL'] ?? '';
    // One connection: what one transaction set, the next one would see.
    database = await openDatabase({ url, poolSize: 1, entities });
    await database.inTransaction((tx) => tx.query(sql`set synchronous_commit to on`));
  });

  afterAll(async () => {
    await database.close();
  });

  it('leave others waiting', async () => {
    const asked = (of: Database): Promise<unknown> =>
      of.inTransaction((tx) => tx.query(sql`show synchronous_commit`));

    expect(await asked(database)).toEqual([{ synchronous_commit: 'on' }]);
    expect(await asked(database.withoutWaitingForDisk())).toEqual([{ synchronous_commit: 'off' }]);
    expect(await asked(database)).toEqual([{ synchronous_commit: 'on' }]);
  });

  it('are heard by who listens to the statements of the database', async () => {
    const heard: string[] = [];
    const stop = database.onStatement((text) => heard.push(text));
    await database.withoutWaitingForDisk().inTransaction((tx) => tx.query(sql`select 1`));
    stop();

    expect(heard).toEqual(['select 1']);
  });
});
