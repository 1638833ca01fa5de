import { describe, expect, it } from '@jest/globals';
import { ResultStream } from '../../src/http/live-operations.ts';
import { Answer } from '../../src/http/shared-answers.ts';

/** A source of one event after the other, and what became of it. */
function endless(): { readonly source: AsyncIterator<unknown>; readonly ended: string[] } {
  const ended: string[] = [];
  const source = {
    next: () => Promise.resolve({ done: false, value: {} } as const),
    return: () => {
      ended.push('source');
      return Promise.resolve({ done: true, value: undefined } as const);
    },
  };
  return { source, ended };
}

describe('a subscription', () => {
  it.each([
    [
      'is not sent',
      {
        resolve: () => Promise.resolve(new Answer({})),
        send: () => Promise.reject(new Error('gone')),
      },
    ],
    [
      'is not resolved',
      { resolve: () => Promise.reject(new Error('gone')), send: () => Promise.resolve() },
    ],
  ])('ends with its source when a result %s', async (_what, { resolve, send }) => {
    const { source, ended } = endless();
    const stream = new ResultStream(source, { resolve, onEnd: () => ended.push('stream') });

    await expect(stream.sentBy(send).next()).rejects.toThrow('gone');
    expect(ended).toEqual(['source', 'stream']);
  });
});
