// What the load generator, a process of its own, is told to do, and what it answers.

/**
 * Where events are sent: into the gateway through one of its doors (by GraphQL also as what is charged credits, as CloudEvents also with a
 * unit), or into a plain table.
 */
export type Door = 'graphql' | 'charged' | 'cloudevents' | 'units' | 'insert';

export interface JobAccount {
  readonly id: string;
  readonly accountId: number;
}

export interface Job {
  readonly door: Door;
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  readonly key: string;
  readonly databaseUrl: string;
  /** The account as the API names it, and by its number. */
  readonly account: JobAccount;
  /** Accounts that take turns with it; left out: none. */
  readonly others?: readonly JobAccount[];
  readonly events: number;
  /** Events of one request or one INSERT. */
  readonly perRequest: number;
  /** Requests under way at once. */
  readonly inFlight: number;
  readonly times: 'live' | 'random';
  /** The gateway's now; by default that of this machine. */
  readonly nowMs?: number;
}

export interface Done {
  readonly eventsPerSecond: number;
}

export type Answer = { readonly done: Done } | { readonly error: string };
