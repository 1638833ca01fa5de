// What a process of subscribers is told to do, and what it answers.

export interface Job {
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  readonly key: string;
  /** One subscriber each; an account may stand here more than once. */
  readonly accountIds: readonly string[];
}

export type Ask = { readonly subscribe: Job } | 'report';

/** Which alert was delivered when: the account, the sequence, epoch milliseconds. */
export type Delivery = readonly [accountId: string, sequence: number, atMs: number];

export type Answer =
  | 'subscribed'
  | { readonly deliveries: readonly Delivery[]; readonly closed: number }
  | { readonly error: string };
