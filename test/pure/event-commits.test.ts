import { describe, expect, it } from '@jest/globals';
import { CommitQueue, ITEMS_WAITING_MAX } from '../../src/recording/commit-queue.ts';

/** A commit that ends when the test says so. */
function heldCommits(): {
  readonly queue: CommitQueue<string, string>;
  readonly commits: {
    readonly accountId: number;
    readonly items: readonly string[];
    end(error?: Error): void;
  }[];
} {
  const commits: ReturnType<typeof heldCommits>['commits'] = [];
  const queue = new CommitQueue<string, string>(
    (accountId, items) =>
      new Promise((resolve, reject) => {
        commits.push({
          accountId,
          items,
          end: (error) => {
            if (error === undefined) resolve(items.map((item) => item.toUpperCase()));
            else reject(error);
          },
        });
      }),
    4,
  );
  return { queue, commits };
}

describe('CommitQueue', () => {
  it('commits a lone call at once', async () => {
    const { queue, commits } = heldCommits();

    const answer = queue.submit(1, ['a', 'b']);
    commits[0]?.end();

    expect(await answer).toEqual(['A', 'B']);
  });

  it('lets what arrives during a commit share the next one, each with its own results', async () => {
    const { queue, commits } = heldCommits();
    const first = queue.submit(1, ['a']);

    const second = queue.submit(1, ['b', 'c']);
    const empty = queue.submit(1, []);
    const third = queue.submit(1, ['d']);
    commits[0]?.end();
    await first;
    commits[1]?.end();

    expect(await Promise.all([second, empty, third])).toEqual([['B', 'C'], [], ['D']]);
    expect(commits.map(({ items }) => items)).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('shares up to its bound, and never divides a call', async () => {
    const { queue, commits } = heldCommits();
    const calls = [['a'], ['b', 'c', 'd'], ['e', 'f'], ['1', '2', '3', '4', '5'], ['g']];
    const answers = calls.map((items) => queue.submit(1, items));

    for (const [index, answer] of answers.entries()) {
      commits[index]?.end();
      await answer;
    }

    expect(commits.map(({ items }) => items)).toEqual(calls);
  });

  it('keeps accounts apart', () => {
    const { queue, commits } = heldCommits();

    void queue.submit(1, ['a']);
    void queue.submit(2, ['b']);

    expect(commits.map(({ accountId }) => accountId)).toEqual([1, 2]);
  });

  it('gives the fault of a commit to the calls that shared it, and goes on', async () => {
    const { queue, commits } = heldCommits();
    const first = queue.submit(1, ['a']);
    const second = queue.submit(1, ['b']);
    const third = queue.submit(1, ['c']);
    commits[0]?.end();
    await first;

    const failing = Promise.allSettled([second, third]);
    commits[1]?.end(new Error('the connection broke'));
    const settled = await failing;
    const fourth = queue.submit(1, ['d']);
    commits[2]?.end();

    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await fourth).toEqual(['D']);
  });

  it('turns calls away when too many items wait', async () => {
    const { queue } = heldCommits();
    void queue.submit(1, ['a']);
    void queue.submit(1, Array<string>(ITEMS_WAITING_MAX).fill('b'));

    await expect(queue.submit(1, ['c'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
