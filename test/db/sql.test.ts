import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../ormconfig.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { sql, unnested } from '../../src/db/sql.ts';
import { cloneTemplate } from '../support/databases.ts';

interface Person {
  readonly id: bigint;
  readonly name: string | null;
  readonly bornAt: Date | null;
}

let database: Database;

beforeAll(async () => {
  database = await openDatabase({
    url: await cloneTemplate(),
    poolSize: 1,
    entities,
  });
});

afterAll(async () => {
  await database.close();
});

function read(people: readonly Person[]): Promise<readonly object[]> {
  return database.inTransaction('nobody', (tx) =>
    tx.query(
      sql`select k.*, ${'a'}::text as more from ${unnested(
        people,
        {
          id: ['bigint', ({ id }) => id],
          name: ['text', ({ name }) => name],
          born_at: ['timestamptz', ({ bornAt }) => bornAt],
        },
        { ordinal: 'place' },
      )} where k.name is distinct from ${'nobody'} order by place`,
    ),
  );
}

describe('rows as a table of parameters', () => {
  it('come back as they were sent, whatever their texts hold', async () => {
    const bornAt = new Date('2026-03-10T12:00:00.123Z');
    const names = ['a,b', '{x}', '"quoted"', '\\back\\', "o'neil; drop", 'null', '', ' é\n', null];
    const people = names.map((name, index) => ({ id: 2n ** 62n + BigInt(index), name, bornAt }));

    const rows = await read(people);

    expect(rows).toEqual(
      people.map(({ id, name }, index) => ({
        id: id.toString(),
        name,
        born_at: bornAt,
        place: (index + 1).toString(),
        more: 'a',
      })),
    );
  });

  it('may be none, and a value may be null', async () => {
    expect(await read([])).toEqual([]);
    expect(await read([{ id: 1n, name: 'a', bornAt: null }])).toMatchObject([{ born_at: null }]);
    expect(await read([{ id: 1n, name: null, bornAt: null }])).toMatchObject([{ name: null }]);
  });
});
