// Recording usage and hosting of any amount: in chunks that the gateway takes, each sent again until it is answered. The gateway
// knows every event by (account, source, eventId) for ever, so an event that is sent again is never counted twice.

import type { CallOptions, Connection } from './connection.ts';
import { failureOf, GatewayError } from './errors.ts';
import {
  type HostingPeriodInput,
  RecordHostingDocument,
  RecordUsageDocument,
  type RecordUsageMutation,
  type UsageEventInput,
} from './operations.ts';
import { request } from './request.ts';

/** What the gateway takes in one call (docs/limits.md). */
const EVENTS_PER_CALL_MAX = 5_000;
/** Of JSON, a call: far below what a body may have, so that one answer does not take long. */
const CHARACTERS_PER_CALL_MAX = 1_000_000;
const EVENTS_PER_CALL = 1_000;
const CALLS_AT_A_TIME = 2;

export interface RecordOptions extends Pick<CallOptions, 'signal' | 'timeoutMs'> {
  /** Whose events they are; needed with an operator's key. */
  readonly accountId?: string | null;
  /** Events a call, up to 5,000; 1,000 by default. */
  readonly chunk?: number;
  /** Calls under way at a time; 2 by default. */
  readonly concurrency?: number;
  /** Told after each call what there was so far. */
  readonly onProgress?: (counts: RecordCounts) => void;
}

export interface RecordCounts {
  accepted: number;
  /** Recorded before, with the same content: nothing to do. */
  duplicates: number;
  /** The same identity was recorded with other content. */
  conflicts: number;
  rejected: number;
}

/** An event that was not recorded, and why. */
export interface Refusal<TEvent> {
  /** Its place among all that were given, from 0. */
  readonly index: number;
  readonly event: TEvent;
  readonly outcome: 'CONFLICT' | 'REJECTED';
  readonly code: string;
  readonly message: string;
}

export interface Recorded<TEvent> extends Readonly<RecordCounts> {
  /** In the order of the events. */
  readonly refusals: readonly Refusal<TEvent>[];
}

/**
 * Recording could not go on. What it says is recorded stays so. Of the other events some may be recorded and some were not sent, so
 * record everything again: what is recorded already counts as a duplicate.
 */
export class RecordError<TEvent = unknown> extends GatewayError {
  /** What became of the events that were answered. */
  readonly recorded: Recorded<TEvent>;

  constructor(cause: GatewayError, recorded: Recorded<TEvent>) {
    const { path, reference, retryAfterSeconds, status, others } = cause;
    super(
      cause.code,
      `${cause.message} So far ${recorded.accepted} events were recorded. Record everything again: what is recorded already counts as a duplicate.`,
      {
        cause,
        others,
        path: path ?? undefined,
        reference: reference ?? undefined,
        retryAfterSeconds: retryAfterSeconds ?? undefined,
        status: status ?? undefined,
      },
    );
    this.name = 'RecordError';
    this.recorded = recorded;
  }
}

type Events<TEvent> = Iterable<TEvent> | AsyncIterable<TEvent>;
type Answer = RecordUsageMutation['recordUsage'];
type Send<TEvent> = (events: readonly TEvent[]) => Promise<Answer>;

/**
 * Records usage. Each event is accepted or refused by itself, also one that the type of a field refuses.
 * @param events a list, or a stream: no more of it is read ahead than is being sent
 * @throws RecordError when a call fails for good; it has what was answered until then
 */
export function recordUsage(
  connection: Connection,
  events: Events<UsageEventInput>,
  options: RecordOptions = {},
): Promise<Recorded<UsageEventInput>> {
  const { accountId = null } = options;
  return record(events, options, async (chunk) => {
    const variables = { accountId, events: chunk };
    return (await request(connection, RecordUsageDocument, variables, options)).recordUsage;
  });
}

/** Records periods of past hosting, as `recordUsage` records events. @throws RecordError */
export function recordHosting(
  connection: Connection,
  periods: Events<HostingPeriodInput>,
  options: RecordOptions = {},
): Promise<Recorded<HostingPeriodInput>> {
  const { accountId = null } = options;
  return record(periods, options, async (chunk) => {
    const variables = { accountId, periods: chunk };
    return (await request(connection, RecordHostingDocument, variables, options)).recordHosting;
  });
}

async function record<TEvent>(
  events: Events<TEvent>,
  options: RecordOptions,
  send: Send<TEvent>,
): Promise<Recorded<TEvent>> {
  const counts: RecordCounts = { accepted: 0, duplicates: 0, conflicts: 0, rejected: 0 };
  const refusals: Refusal<TEvent>[] = [];
  const chunks = chunksOf(events, options.chunk ?? EVENTS_PER_CALL);
  const failures: GatewayError[] = [];
  const work = async (): Promise<void> => {
    while (failures.length === 0) {
      const { done, value: chunk } = await chunks.next();
      if (done === true) return;
      try {
        await sendChunk(chunk, send, { counts, refusals });
      } catch (thrown) {
        failures.push(failureOf(thrown, 'Recording'));
      }
      options.onProgress?.({ ...counts });
    }
  };
  const calls = Math.max(1, options.concurrency ?? CALLS_AT_A_TIME);
  const ends = await Promise.allSettled(Array.from({ length: calls }, work));
  await chunks.return();
  refusals.sort((one, other) => one.index - other.index);
  const recorded = { ...counts, refusals };
  const [failure] = failures;
  if (failure !== undefined) throw new RecordError(failure, recorded);
  // What reading the events threw is the caller's own.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return recorded;
}

interface Chunk<TEvent> {
  /** The place of its first event among all. */
  readonly from: number;
  readonly events: readonly TEvent[];
}

async function* chunksOf<TEvent>(
  events: Events<TEvent>,
  eventsMost: number,
): AsyncGenerator<Chunk<TEvent>, void, undefined> {
  const most = Math.max(1, Math.min(eventsMost, EVENTS_PER_CALL_MAX));
  let from = 0;
  let chunk: TEvent[] = [];
  let characters = 0;
  for await (const event of events) {
    const size = JSON.stringify(event).length;
    if (chunk.length >= most || (chunk.length > 0 && characters + size > CHARACTERS_PER_CALL_MAX)) {
      yield { from, events: chunk };
      from += chunk.length;
      chunk = [];
      characters = 0;
    }
    chunk.push(event);
    characters += size;
  }
  if (chunk.length > 0) yield { from, events: chunk };
}

/**
 * Sends a chunk. A value that the type of a field refuses fails the whole call (a seventh fraction digit): the events that the
 * error names are left out, and the others are sent again.
 */
async function sendChunk<TEvent>(
  { from, events }: Chunk<TEvent>,
  send: Send<TEvent>,
  { counts, refusals }: { readonly counts: RecordCounts; readonly refusals: Refusal<TEvent>[] },
): Promise<void> {
  let rest = events.map((event, offset) => ({ event, index: from + offset }));
  while (rest.length > 0) {
    try {
      const answer = await send(rest.map(({ event }) => event));
      refusals.push(...refusalsIn(answer, rest));
      counts.accepted += answer.accepted;
      counts.duplicates += answer.duplicates;
      counts.conflicts += answer.conflicts;
      counts.rejected += answer.rejected;
      break;
    } catch (thrown) {
      const named = namedIn(thrown);
      const refused = rest.flatMap((one, at) => {
        const error = named.get(at);
        return error === undefined
          ? []
          : [refusalOf(one, { code: error.code, message: error.message, outcome: 'REJECTED' })];
      });
      if (refused.length === 0) throw thrown;
      refusals.push(...refused);
      counts.rejected += refused.length;
      rest = rest.filter((_one, at) => !named.has(at));
    }
  }
}

interface Placed<TEvent> {
  readonly event: TEvent;
  readonly index: number;
}

function refusalsIn<TEvent>(
  answer: Answer,
  sent: readonly Placed<TEvent>[],
): readonly Refusal<TEvent>[] {
  const { accepted, duplicates, conflicts, rejected, results } = answer;
  if (accepted + duplicates + conflicts + rejected !== sent.length) {
    throw new GatewayError(
      'BAD_ANSWER',
      `The gateway answered for ${accepted + duplicates + conflicts + rejected} events; ${sent.length} were sent.`,
    );
  }
  return results.flatMap(({ index, outcome, code, message }) => {
    const one = sent[index];
    if (one === undefined || (outcome !== 'CONFLICT' && outcome !== 'REJECTED')) return [];
    return [refusalOf(one, { outcome, code: code ?? outcome, message: message ?? '' })];
  });
}

function refusalOf<TEvent>(
  { event, index }: Placed<TEvent>,
  { outcome, code, message }: Pick<Refusal<TEvent>, 'outcome' | 'code' | 'message'>,
): Refusal<TEvent> {
  return { index, event, outcome, code, message };
}

/** The errors of single events by their place in the call, where the call was refused for them. */
function namedIn(thrown: unknown): ReadonlyMap<number, GatewayError> {
  const named = new Map<number, GatewayError>();
  if (!(thrown instanceof GatewayError) || thrown.code !== 'BAD_USER_INPUT') return named;
  for (const error of [thrown, ...thrown.others]) {
    const [list, place] = error.path ?? [];
    if ((list === 'events' || list === 'periods') && typeof place === 'number') {
      named.set(place, error);
    }
  }
  return named;
}
