// Group commit: calls that arrive for an account while a commit of that account is in progress wait for it and share the next
// one. No timer is involved: the next commit begins as soon as the last one ends. So a single call never waits, and
// under load one commit carries many calls.

import { UnavailableError } from '../core/errors.ts';

/** How many items of one account can wait before further calls are refused. */
export const ITEMS_WAITING_MAX = 200_000;

interface Call<T, R> {
  readonly items: readonly T[];
  readonly resolve: (results: readonly R[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Line<T, R> {
  readonly calls: Call<T, R>[];
  items: number;
}

export class CommitQueue<T, R> {
  private readonly lines = new Map<number, Line<T, R>>();

  /**
   * @param commit commits items of one account and returns one result for each, in order; when it throws, nothing was
   *   committed, and every call that shared the commit gets the error
   * @param itemsPerCommit how many items calls can share; a single call is never divided
   */
  constructor(
    private readonly commit: (accountId: number, items: readonly T[]) => Promise<readonly R[]>,
    private readonly itemsPerCommit: number,
  ) {}

  /** Commits the items, alone or with those of other calls. @returns the results of these items, in order */
  submit(accountId: number, items: readonly T[]): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      const call = { items, resolve, reject };
      const line = this.lines.get(accountId);
      if (line === undefined) {
        const begun = { calls: [call], items: items.length };
        this.lines.set(accountId, begun);
        void this.drain(accountId, begun);
        return;
      }
      if (line.items + items.length > ITEMS_WAITING_MAX) {
        const message = `More than ${ITEMS_WAITING_MAX} events of the account wait to be recorded: send fewer at a time, and these again.`;
        reject(new UnavailableError(message));
        return;
      }
      line.calls.push(call);
      line.items += items.length;
    });
  }

  private async drain(accountId: number, line: Line<T, R>): Promise<void> {
    while (line.calls.length > 0) {
      const shared = this.takeNext(line);
      const items = shared.flatMap((call) => call.items);
      try {
        const results = await this.commit(accountId, items);
        let begin = 0;
        for (const call of shared) {
          call.resolve(results.slice(begin, begin + call.items.length));
          begin += call.items.length;
        }
      } catch (error) {
        for (const call of shared) call.reject(error);
      }
    }
    this.lines.delete(accountId);
  }

  private takeNext(line: Line<T, R>): readonly Call<T, R>[] {
    let count = 0;
    let items = 0;
    for (const call of line.calls) {
      if (count > 0 && items + call.items.length > this.itemsPerCommit) break;
      items += call.items.length;
      count += 1;
    }
    line.items -= items;
    return line.calls.splice(0, count);
  }
}
