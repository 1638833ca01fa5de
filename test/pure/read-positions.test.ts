import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor, Scope } from '../../src/core/identity.ts';
import type { Position } from '../../src/db/position.ts';
import { ReadPositions } from '../../src/http/read-positions.ts';

const actor = (accountId: number | null, name: string, ...scopes: Scope[]): Actor => ({
  name,
  keyId: 1,
  accountId,
  scopes: new Set(scopes),
});
const manager = actor(1, 'key:1', 'MANAGE');
const recorder = actor(1, 'key:2', 'INGEST');
const reader = actor(1, 'key:3', 'READ_USAGE');
const stranger = actor(2, 'key:4', 'READ_USAGE');
const operator = actor(null, 'key:5', 'OPERATOR');

/** Questions for the position, in their order: each is answered by hand. */
let asked: { readonly answer: (position: Position) => void; readonly fail: () => void }[];
let positions: ReadPositions;

beforeEach(() => {
  asked = [];
  positions = new ReadPositions({
    covers: () => false,
    position: () =>
      new Promise((resolve, reject) => {
        asked.push({
          answer: resolve,
          fail: () => {
            reject(new Error('no answer'));
          },
        });
      }),
  });
});

async function wrote(by: Actor, position: Position): Promise<void> {
  const noted = positions.wrote(by);
  asked.at(-1)?.answer(position);
  await noted;
}

describe('what a caller wrote', () => {
  it('is asked for again when the question failed, also where another write of it was answered', async () => {
    const [first, second] = [positions.wrote(recorder), positions.wrote(recorder)];
    asked[0]?.answer(5n);
    await first;
    asked[1]?.fail();

    expect(await second).toBeNull();
    expect(positions.readsOf(recorder, undefined)).toBeUndefined();
    asked[2]?.answer(7n);
    await new Promise(setImmediate);
    expect(positions.readsOf(recorder, undefined)).toEqual({ after: 7n });
  });

  it('is in the reads of its account when it may manage that', async () => {
    await wrote(manager, 5n);

    expect(positions.readsOf(reader, undefined)).toEqual({ after: 5n });
    expect(positions.readsOf(stranger, undefined)).toEqual({ after: null });
  });

  it('is in nobody else’s reads when it only records usage', async () => {
    await wrote(recorder, 5n);

    expect(positions.readsOf(recorder, undefined)).toEqual({ after: 5n });
    expect(positions.readsOf(reader, undefined)).toEqual({ after: null });
  });

  it('is in everybody’s reads when it is an operator', async () => {
    await wrote(manager, 4n);
    await wrote(operator, 5n);

    expect(positions.readsOf(manager, undefined)).toEqual({ after: 5n });
    expect(positions.readsOf(stranger, undefined)).toEqual({ after: 5n });
    expect(positions.readsOf(stranger, '0/9')).toEqual({ after: 9n });
  });

  it('is in everybody’s reads when too many have written, wherever their writes are', async () => {
    for (let index = 0; index <= 10_000; index += 1) {
      void positions.wrote(actor(3, `key:${index}`, 'INGEST'));
    }

    expect(positions.readsOf(stranger, undefined)).toBeUndefined();
    asked.at(-1)?.answer(8n);
    await new Promise(setImmediate);
    expect(positions.readsOf(stranger, undefined)).toEqual({ after: 8n });
  });
});
