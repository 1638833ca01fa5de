// What a process of subscribers is told to do, and what it answers.

/** One socket. */
export interface Subscriber {
  readonly accountId: string;
  /** Of the account. */
  readonly key: string;
  /** How many subscriptions it carries. */
  readonly operations: number;
}

export interface Job {
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  /** An account may stand here more than once. */
  readonly subscribers: readonly Subscriber[];
}

export type Ask = { readonly subscribe: Job } | 'report';

/** Which alert was delivered when: the account, the sequence, epoch milliseconds. */
export type Delivery = readonly [accountId: string, sequence: number, atMs: number];

export type Answer =
  | 'subscribed'
  | { readonly deliveries: readonly Delivery[]; readonly message: string; readonly closed: number }
  | { readonly error: string };

/** What the plain server does once it is told `go`: it sends a message to so many, so many times a second. */
export interface PlainJob {
  readonly message: string;
  readonly receivers: number;
  readonly perSecond: number;
  readonly seconds: number;
}
