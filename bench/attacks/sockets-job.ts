// What the processes of `sockets.ts` are told, and what they answer.

/** Subscribers of one account: so many operations on each of so many sockets of each key. */
export interface SocketsJob {
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  readonly keys: readonly string[];
  readonly socketsPerKey: number;
  readonly operationsPerSocket: number;
  readonly query: string;
}

export type SocketsAsk = { readonly subscribe: SocketsJob } | 'report';

/** What was received so far. */
export interface Received {
  readonly messages: number;
  /** The payload of the last message. */
  readonly payload: string;
  readonly closed: number;
}

export type SocketsAnswer = 'subscribed' | Received | { readonly error: string };

/** The plain server: what it sends, each half second, by each operation. */
export interface PlainJob {
  readonly payload: string;
}
