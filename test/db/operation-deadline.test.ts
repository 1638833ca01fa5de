import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../ormconfig.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { sql } from '../../src/db/sql.ts';
import { RequestContext } from '../../src/graphql/context.ts';
import { eventually } from '../support/eventually.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';

const NOBODY = { name: 'nobody', keyId: 0, accountId: null, scopes: new Set<never>() };

describe('an operation that takes too long', () => {
  let gateway: TestGateway;
  let database: Database;

  beforeAll(async () => {
    gateway = await startTestGateway();
    database = await openDatabase({ url: gateway.databaseUrl, poolSize: 2, entities });
  });

  afterAll(async () => {
    await database.close();
    await gateway.close();
  });

  it('is cancelled with its statement, reads no more, and leaves its connection in order', async () => {
    const context = new RequestContext(NOBODY, database, gateway.clock, { withinMs: 200 });
    const tx = await context.reader();
    await tx.allowLong(900_000);
    const answers = await Promise.allSettled([
      tx.query(sql`select pg_sleep(600), 'cancelled'`),
      tx.query(sql`select 'waits for its turn'`),
    ]);
    const later = await Promise.allSettled([context.reader(), tx.query(sql`select 1`)]);
    await context.dispose();
    const running = (): Promise<readonly unknown[]> =>
      asOwner(
        gateway.databaseUrl,
        sql`select pid from pg_stat_activity
          where query like ${'%pg_sleep(600)%'} and state = 'active' and pid <> pg_backend_pid()`,
      );
    await eventually(async () => {
      expect(await running()).toEqual([]);
    });
    const beside = await Promise.all(
      [1, 2].map((n) =>
        database.inTransaction('operator', (other) => other.query(sql`select ${n}::int as n`)),
      ),
    );

    const sentence =
      'This operation took longer than 0.2 s and was cancelled; ask for less at a time.';
    for (const answer of [...answers, ...later]) {
      expect(answer).toMatchObject({
        status: 'rejected',
        reason: { code: 'UNAVAILABLE', message: sentence },
      });
    }
    expect(beside).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  });
});
