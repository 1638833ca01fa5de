// What a transaction sends, and what becomes of it when a part fails. Each test looks at the tables from another connection.

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { entities } from '../../ormconfig.ts';
import { Connection } from '../../src/db/connection.ts';
import { type Database, openDatabase, type PoolOptions } from '../../src/db/database.ts';
import { forgetPrepared, PREPARED_MAX } from '../../src/db/prepared.ts';
import { raw, sql, type Sql } from '../../src/db/sql.ts';
import { Transaction } from '../../src/db/transaction.ts';
import { asOwner, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Link, openLink } from '../support/link.ts';

let beside: TestGateway;
let opened: Database[] = [];

beforeAll(async () => {
  beside = await startTestGateway();
  await owner(sql`create table note (text text primary key)`);
  await owner(sql`grant select, insert on note to billing_gateway, billing_operator`);
});

afterAll(async () => {
  await beside.close();
});

beforeEach(async () => {
  await owner(sql`truncate note`);
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const database of opened) await database.close();
  opened = [];
});

function owner(statement: Sql): Promise<readonly unknown[]> {
  return asOwner(beside.databaseUrl, statement);
}

async function open(options: Partial<PoolOptions> = {}): Promise<Database> {
  const database = await openDatabase({
    url: beside.databaseUrl,
    poolSize: 1,
    entities,
    ...options,
  });
  opened.push(database);
  return database;
}

function insert(text: string): Sql {
  return sql`insert into note values (${text})`;
}

async function notes(): Promise<readonly unknown[]> {
  return (await owner(sql`select text from note order by text`)).map(
    (row) => (row as { text: string }).text,
  );
}

/** The texts that leave in each round trip from now on. */
function roundTrips(): string[][] {
  const trips: string[][] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its connection below
  const run = Connection.prototype.run;
  jest.spyOn(Connection.prototype, 'run').mockImplementation(function (this: Connection, group) {
    trips.push(group.map(({ text }) => text.replace(/^\/\*.*?\*\/ /, '')));
    return run.call(this, group);
  });
  return trips;
}

const SETTING = "set local billing.account_id = '7'";

describe('a transaction', () => {
  it('opens with its first statements and commits with those that nobody waits for', async () => {
    const database = await open();
    const trips = roundTrips();

    await database.inTransaction({ accountId: 7 }, async (tx) => {
      const [one, two] = await Promise.all([
        tx.query(sql`select 1 as n`),
        tx.query(sql`select 2 as n`),
      ]);
      tx.later(insert('later'));
      expect([one, two]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
    });

    expect(trips).toEqual([
      ['begin', SETTING, 'select 1 as n', 'select 2 as n'],
      ['insert into note values ($1)', 'commit'],
    ]);
    expect(await notes()).toEqual(['later']);
  });

  it('that asks for nothing sends nothing', async () => {
    const database = await open();
    const trips = roundTrips();

    await database.inTransaction('operator', () => Promise.resolve());
    await database.inSnapshot('operator', () => Promise.resolve());

    expect(trips).toEqual([]);
  });

  it('sends in its order what is asked for while others run', async () => {
    const database = await open();
    const trips = roundTrips();

    const answers = await database.inTransaction('operator', async (tx) => {
      const first = tx.query(sql`select 'first' as which, pg_sleep(0.05)::text`);
      await new Promise((resolve) => setImmediate(resolve));
      tx.later(insert('a'));
      const others = [sql`select count(*)::int as n from note`, insert('b'), sql`table note`];
      return Promise.all([first, ...others.map((one) => tx.query(one))]);
    });

    expect(trips.map((trip) => trip.length)).toEqual([2, 4, 1]);
    expect(answers.slice(1)).toEqual([[{ n: 1 }], [], [{ text: 'a' }, { text: 'b' }]]);
  });

  it('fails by what nobody waited for, and commits nothing of it', async () => {
    const database = await open();

    const outcome = database.inTransaction('operator', async (tx) => {
      await tx.query(insert('same'));
      tx.later(insert('other'));
      tx.later(insert('same'));
    });

    await expect(outcome).rejects.toMatchObject({ code: '23505' });
    expect(await notes()).toEqual([]);
  });

  it('fails also when its work caught the error of a statement', async () => {
    const database = await open();

    const outcome = database.inTransaction('operator', async (tx) => {
      await tx.query(insert('kept?'));
      await tx.query(sql`select 1 / 0`).catch(() => null);
    });

    await expect(outcome).rejects.toMatchObject({ code: '22012' });
    expect(await notes()).toEqual([]);
  });

  it('names the statement that failed, and leaves a connection that goes on', async () => {
    const database = await open();
    const failing = database.inTransaction('operator', (tx) => tx.query(sql`select 1 / 0 as n`));

    await expect(failing).rejects.toMatchObject({
      name: 'StatementError',
      code: '22012',
      query: 'select 1 / 0 as n',
    });
    await database.inTransaction('operator', (tx) => tx.query(insert('goes on')));
    expect(await notes()).toEqual(['goes on']);
  });

  it('sends none of a group that has a value which cannot be sent', async () => {
    const database = await open();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;

    const outcome = database.inTransaction('operator', (tx) =>
      Promise.all([tx.query(insert('a')), tx.query(sql`select ${circular}::jsonb`)]),
    );

    await expect(outcome).rejects.toThrow('The statements cannot be sent.');
    expect(await notes()).toEqual([]);
  });
});

describe('a transaction that cannot be opened', () => {
  it.each([
    ['by BEGIN', [sql`begin isolation level nonsense`, sql`select 1`], '42601'],
    [
      'by a setting after it',
      [sql`begin`, sql`set local billing.account_id = nonsense.nonsense`],
      '42601',
    ],
    ['by a setting that is refused', [sql`begin`, sql`set local work_mem = 'much'`], '22023'],
  ])('%s runs nothing outside of itself', async (_how, opening, code) => {
    const connection = new Connection({ connectionString: beside.databaseUrl });
    await connection.connect();
    const ended = new Promise((resolve) => connection.once('end', resolve));
    const release = jest.fn(() => Promise.resolve());
    const transaction = new Transaction({ release } as unknown as QueryRunner, connection, {
      isDistributed: false,
      opening,
      listeners: new Set(),
    });

    transaction.later(insert('later'));
    const sent = await Promise.allSettled([
      transaction.query(insert('first')),
      transaction.query(insert('second')),
    ]);
    transaction.later(insert('later still'));
    const afterwards = await Promise.allSettled([
      transaction.query(insert('third')),
      transaction.commit(),
    ]);
    await transaction.end('rollback');
    await ended;

    for (const outcome of [...sent, ...afterwards]) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
    }
    expect(await notes()).toEqual([]);
    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('a commit that is not answered', () => {
  let link: Link;

  beforeAll(async () => {
    link = await openLink(beside.databaseUrl);
  });

  afterAll(async () => {
    await link.close();
  });

  it.each([
    ['alone', false],
    ['together with what nobody waited for', true],
  ])('%s may have happened, and says so', async (_how, withLater) => {
    const database = await open({ url: link.url });
    const outcome = database.inTransaction('operator', async (tx) => {
      await tx.query(insert('a'));
      if (withLater) tx.later(insert('b'));
      link.cut();
    });

    await expect(outcome).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(outcome).rejects.toThrow('this may have been written or not');
    link.mend();
  });
});

describe('statements that are sent again and again', () => {
  const prepared = sql`select statement from pg_prepared_statements order by statement`;

  beforeEach(() => {
    forgetPrepared();
  });

  async function keptBy(database: Database): Promise<readonly unknown[]> {
    const rows = await database.inTransaction('operator', (tx) => tx.query(prepared));
    return rows.map(({ statement }) => statement);
  }

  async function ask(database: Database, statement: Sql): Promise<readonly unknown[]> {
    return database.inTransaction('operator', (tx) => tx.query(statement));
  }

  it('are prepared from the second time on, by any connection', async () => {
    const [one, other] = [await open(), await open()];
    const statement = sql`select ${3}::int as n`;

    const first = await ask(one, statement);
    const keptAfterOne = await keptBy(one);
    const second = await ask(other, statement);
    const third = await ask(other, statement);

    expect([first, second, third]).toEqual([[{ n: 3 }], [{ n: 3 }], [{ n: 3 }]]);
    expect(keptAfterOne).not.toContain(statement.text);
    expect(await keptBy(other)).toContain(statement.text);
  });

  it('are not prepared where that is switched off', async () => {
    const database = await open({ prepares: false });
    for (let time = 0; time < 3; time += 1) await ask(database, sql`select ${time}::int as n`);

    expect(await keptBy(database)).toEqual([]);
  });

  it('are bounded, and the latest are kept', async () => {
    const database = await open();
    const texts = Array.from({ length: PREPARED_MAX + 20 }, (_, index) => `select ${index} as n`);
    const all = async (): Promise<void> => {
      await database.inTransaction('operator', async (tx) => {
        for (const text of texts) await tx.query(sql`${raw(text)}`);
      });
    };
    await all();
    await all();

    const kept = await keptBy(database);
    expect(kept.length).toBeLessThanOrEqual(PREPARED_MAX + 1);
    expect(kept).toContain(texts.at(-1));
    expect(kept).not.toContain(texts[0]);
    expect(await ask(database, sql`${raw(texts[0] ?? '')}`)).toEqual([{ n: 0 }]);
  });

  it('are not kept when the first time that they should be failed', async () => {
    const database = await open();
    const divided = (by: number): Promise<readonly unknown[]> =>
      ask(database, sql`select 6 / ${by}::int as n`);
    await divided(3);

    await expect(divided(0)).rejects.toMatchObject({ code: '22012' });
    expect(await divided(2)).toEqual([{ n: 3 }]);
    await expect(divided(0)).rejects.toMatchObject({ code: '22012' });
    expect(await divided(1)).toEqual([{ n: 6 }]);
  });

  it('run again in transactions when the schema changed the types of their rows', async () => {
    const database = await open();
    await owner(sql`create table changing (n int)`);
    await owner(sql`insert into changing values (5)`);
    await owner(sql`grant select on changing to billing_operator`);
    const all = sql`select * from changing`;
    for (let time = 0; time < 3; time += 1) await ask(database, all);

    await owner(sql`alter table changing alter n type text, add more int default 6`);
    const afterwards = await ask(database, all);

    expect(afterwards).toEqual([{ n: '5', more: 6 }]);
  });

  it('run again when somebody discarded what was prepared', async () => {
    const database = await open();
    for (let time = 0; time < 3; time += 1) await ask(database, sql`select 1 as n`);
    await ask(database, sql`deallocate all`);

    expect(await ask(database, sql`select 1 as n`)).toEqual([{ n: 1 }]);
  });

  it('read cursors of any shape, one after the other', async () => {
    const database = await open();
    const batch = (declared: Sql): Promise<readonly unknown[]> =>
      database.inTransaction('operator', async (tx) => {
        await tx.query(sql`declare batches no scroll cursor for ${declared}`);
        return tx.query(sql`fetch forward 10 from batches`);
      });

    const shapes = [
      sql`select 1 as a`,
      sql`select 'x' as b, ${true}::boolean as c`,
      sql`select 2 as a`,
    ];
    const read: unknown[] = [];
    for (const shape of [...shapes, ...shapes]) read.push(await batch(shape));

    const expected = [[{ a: 1 }], [{ b: 'x', c: true }], [{ a: 2 }]];
    expect(read).toEqual([...expected, ...expected]);
  });

  it('yield rows as ever, whatever they change', async () => {
    const database = await open();
    const changed = async (tx: {
      query(one: Sql): Promise<readonly unknown[]>;
    }): Promise<unknown> => [
      await tx.query(sql`insert into note values ('a'), ('b') returning text`),
      await tx.query(sql`select ${null}::text as nothing, now() > ${new Date(0)} as later, ${5n}::bigint as big,
        array[1, 2] as list, ${Buffer.from('ab')}::bytea as bytes, '{"a": 1}'::jsonb as json`),
      await tx.query(sql`select 1 where false`),
    ];
    const rolledBack: unknown[] = [];
    for (let time = 0; time < 3; time += 1) {
      const transaction = database.inTransaction('operator', async (tx) => {
        rolledBack.push(await changed(tx));
        throw new Error('not kept');
      });
      await expect(transaction).rejects.toThrow('not kept');
    }

    const values = {
      nothing: null,
      later: true,
      big: '5',
      list: [1, 2],
      bytes: Buffer.from('ab'),
      json: { a: 1 },
    };
    const once = [[{ text: 'a' }, { text: 'b' }], [values], []];
    expect(rolledBack).toEqual([once, once, once]);
  });
});
