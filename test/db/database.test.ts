import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../ormconfig.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import { cloneTemplate } from '../support/databases.ts';
import { startTestGateway } from '../support/gateway.ts';

describe('a transaction whose statements may take long', () => {
  it('waits for them longer than others do, and leaves its connection as it was', async () => {
    // A database of its own: none is copied from one that is in use.
    const gateway = await startTestGateway();
    const database = await openDatabase({ url: gateway.databaseUrl, poolSize: 1, entities });

    // Others are cancelled after 5 seconds, and given up after 6.
    const slept = await database.inTransaction('nobody', async (tx) => {
      await tx.allowLong(60_000);
      return tx.query(sql`select pg_sleep(6.3)::text as slept`);
    });
    const later = await database.inTransaction('nobody', (tx) =>
      tx.query(sql`show statement_timeout`),
    );
    await database.close();
    await gateway.close();

    expect(slept).toEqual([{ slept: '' }]);
    expect(later).toEqual([{ statement_timeout: '5s' }]);
  }, 20_000);
});

describe('a lock', () => {
  it('is waited for 2 seconds, and freed after 8 in which its holder says nothing', async () => {
    const database = await openDatabase({ url: await cloneTemplate(), poolSize: 1, entities });
    const settings = await database.inTransaction('nobody', (tx) =>
      tx.query(
        sql`select current_setting('lock_timeout') as wait, current_setting('idle_in_transaction_session_timeout') as idle`,
      ),
    );
    await database.close();

    expect(settings).toEqual([{ wait: '2s', idle: '8s' }]);
  });
});

describe('a listener', () => {
  it('stops also while it connects', async () => {
    const url = await cloneTemplate();
    const database = await openDatabase({ url, poolSize: 1, entities });
    const heard: string[] = [];
    const listener = database.listen('nothing', {
      onNotice: (payload) => heard.push(payload),
      onListening: () => heard.push('listening'),
    });
    // The socket is open, and the server has not answered yet.
    await new Promise((resolve) => setImmediate(resolve));
    await listener.stop();
    await database.close();

    expect(heard).toEqual([]);
  });
});

describe('transactions that do not wait for the disk', () => {
  let database: Database;

  beforeAll(async () => {
    const url = await cloneTemplate();
    // One connection: what one transaction set, the next one would see.
    database = await openDatabase({ url, poolSize: 1, entities });
    await database.inTransaction('nobody', (tx) => tx.query(sql`set synchronous_commit to on`));
  });

  afterAll(async () => {
    await database.close();
  });

  it('leave others waiting', async () => {
    const asked = (of: Database): Promise<unknown> =>
      of.inTransaction('nobody', (tx) => tx.query(sql`show synchronous_commit`));

    expect(await asked(database)).toEqual([{ synchronous_commit: 'on' }]);
    expect(await asked(database.withoutWaitingForDisk())).toEqual([{ synchronous_commit: 'off' }]);
    expect(await asked(database)).toEqual([{ synchronous_commit: 'on' }]);
  });

  it('are heard by who listens to the statements of the database', async () => {
    const heard: string[] = [];
    const stop = database.onStatement((text) => heard.push(text));
    await database.withoutWaitingForDisk().inTransaction('nobody', (tx) => tx.query(sql`select 1`));
    stop();

    expect(heard).toEqual(['select 1']);
  });
});
