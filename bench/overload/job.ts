// What the load generator, a process of its own, is told to do, and what it answers.

/** One request of the mix. */
export interface Template {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  /** `$id` in it stands for an id that no other request has. */
  readonly body: string;
  /** How often it is sent, relative to the others. */
  readonly share: number;
}

export interface Job {
  /** "http://127.0.0.1:41234". */
  readonly origin: string;
  readonly key: string;
  readonly mix: readonly Template[];
  readonly seconds: number;
  /** As many requests a second, whatever is answered (an open loop); null: as many as `atOnce` callers get answered. */
  readonly perSecond: number | null;
  readonly atOnce: number;
  /** "2026-03-10T11:47:12.345Z", in place of `$now`. */
  readonly occurredAt: string;
}

/** One answer. */
export interface Sent {
  readonly name: string;
  /** 0: none came. */
  readonly status: number;
  readonly tookMs: number;
  /** From the beginning of the job to the answer. */
  readonly atMs: number;
}

export type Answer = { readonly sent: readonly Sent[] } | { readonly error: string };
