// What goes on all the time while faults happen: events by all doors, allocations and adjustments, voids, hosting, limits,
// clocks of test accounts, and readers. Each actor does one thing after the other; many act side by side.

import { setTimeout as delay } from 'node:timers/promises';
import {
  AdjustCreditsDocument,
  AdvanceTestClockDocument,
  AllocateDocument,
  CreditsDocument,
  DeployDocument,
  OverviewDocument,
  RecordUsageDocument,
  ScaleDocument,
  SetCreditPolicyDocument,
  UndeployDocument,
  type UsageEventInput,
  VoidUsageDocument,
} from '@billing-gateway/client/operations';
import { formatMicro } from '../../src/core/micro.ts';
import type { Books, SentEvent } from './books.ts';
import type { Caller, Reply } from './caller.ts';
import type { Chance } from './chance.ts';
import { HARDWARE } from './hardware.ts';
import type { Violations } from './violations.ts';

export const SOURCE = 'faults';
/** The resources that every account of the driver has. */
export const METERED = 'metered';
export const HOSTED = ['hosted-0', 'hosted-1'] as const;
/** Above all balances of the driver's accounts. */
const EVERYTHING = '900000000';
/** A lifecycle call may not be ahead of the database's clock, which may be a little behind. */
const BEHIND_MS = 1_000;
const READ_EVERY_MS = 100;
const VIEWS_READ = 10;
/** Far beyond what a busy machine takes. */
const READ_WITHIN_MS = 60_000;

export interface Acting {
  readonly caller: Caller;
  readonly books: Books;
  readonly chance: Chance;
  readonly violations: Violations;
  /** Names what is sent in this round, so that no identity comes twice. */
  readonly round: string;
  readonly resourceIds: ReadonlyMap<string, string>;
  /** Now, by the clock of the account. */
  readonly nowMs: () => number;
}

/** Does one thing, and returns when it may do the next. */
export type Actor = (acting: Acting) => () => Promise<void>;

// ---- events

interface SentBatch {
  readonly ids: readonly string[];
  readonly events: readonly UsageEventInput[];
  readonly door: 'recordUsage' | 'batch' | 'single';
}

/** Those that take more than one event. */
const DOORS = ['recordUsage', 'batch'] as const;

interface Counts {
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly results: readonly { readonly index: number; readonly outcome: string }[];
}

/** Records events: new ones, ones that were recorded before, some that are wrong. */
export const recordEvents: Actor = (acting) => {
  const { books, chance, round } = acting;
  let made = 0;
  return async () => {
    const door = chance.oneOf([...DOORS, 'single'] as const);
    const size = door === 'single' ? 1 : chance.whole(1, 20);
    const events = Array.from({ length: size }, (): UsageEventInput => {
      const before = chance.happens(0.1) ? books.eventIds('YES') : [];
      const eventId = before.length > 0 ? chance.oneOf(before) : `${round}-${(made += 1)}`;
      const isWrong = before.length === 0 && chance.happens(0.03);
      const known = books.events.get(eventId);
      return {
        ...{ source: SOURCE, eventId, type: 'PROCESSING', resourceKind: 'GUARDRAIL' },
        resourceExternalId: isWrong ? 'nothing' : METERED,
        credits: formatMicro(known?.creditsMicro ?? BigInt(chance.whole(1, 300_000))),
        occurredAt: occurredAtOf(eventId, acting),
      };
    });
    // One batch may not name an event twice: it would be judged by itself.
    const batch = { ids: events.map(({ eventId }) => eventId), events, door };
    if (new Set(batch.ids).size < batch.ids.length) return;
    await sendOrSettle(acting, batch);
  };
};

/** Sends new events. @returns what sends them once, and tells whether it is known what came of them */
export function sendEvents(
  acting: Acting,
  ids: readonly string[],
  credits: string,
): () => Promise<boolean> {
  const events = ids.map((eventId): UsageEventInput => ({
    ...{ source: SOURCE, eventId, type: 'PROCESSING', resourceKind: 'GUARDRAIL', credits },
    ...{ resourceExternalId: METERED, occurredAt: occurredAtOf(eventId, acting) },
  }));
  const batch = { ids, events, door: acting.chance.oneOf(DOORS) };
  noteSent(acting.books, batch);
  return () => send(acting, batch);
}

async function sendOrSettle(acting: Acting, batch: SentBatch): Promise<void> {
  noteSent(acting.books, batch);
  if (await send(acting, batch)) return;
  acting.books.unsettled.push(async () => {
    while (!(await send(acting, batch)));
  });
}

/** Notes what is about to be sent: from now on it may be there. */
function noteSent(books: Books, { events }: SentBatch): void {
  for (const { eventId, credits } of events) {
    if (books.events.has(eventId)) continue;
    const creditsMicro = microOf(String(credits));
    books.events.set(eventId, { creditsMicro, recorded: 'UNKNOWN', voided: 'NO' });
  }
}

/** The same each time that an event is sent. */
function occurredAtOf(eventId: string, { chance, nowMs, books }: Acting): string {
  const known = books.occurredAt.get(eventId);
  if (known !== undefined) return known;
  const at = iso(nowMs() - BEHIND_MS - chance.whole(0, 3 * 86_400_000));
  books.occurredAt.set(eventId, at);
  return at;
}

/** @returns whether it is known what came of it */
async function send(acting: Acting, batch: SentBatch): Promise<boolean> {
  const { books, violations } = acting;
  const reply = await sendBy(acting, batch);
  if (reply.outcome !== 'OK') {
    if (reply.outcome === 'REFUSED') {
      violations.add('a right batch is taken', `${batch.door}: ${reply.code}`);
    }
    return reply.outcome === 'REFUSED';
  }
  const { accepted, duplicates, conflicts, rejected, results } = reply.data;
  if (accepted + duplicates + conflicts + rejected !== batch.ids.length || conflicts > 0) {
    violations.add('the counts of a batch add up to it', JSON.stringify(reply.data));
  }
  batch.ids.forEach((id, index) => {
    const event = books.events.get(id);
    if (event !== undefined) noteOutcome(acting, id, event, outcomeOf(results, index));
  });
  return true;
}

function noteOutcome({ violations }: Acting, id: string, event: SentEvent, outcome: string): void {
  if (outcome === 'ACCEPTED' && event.recorded === 'YES') {
    violations.add('an event is recorded once', `${id} was accepted twice`);
  }
  if (outcome === 'REJECTED' && event.recorded === 'YES') {
    violations.add('what was recorded is known', `${id} was rejected after it was recorded`);
  }
  event.recorded = outcome === 'REJECTED' ? 'NO' : 'YES';
}

function outcomeOf(results: Counts['results'], index: number): string {
  return results.find((result) => result.index === index)?.outcome ?? 'ACCEPTED';
}

async function sendBy(
  { caller, books }: Acting,
  { door, events }: SentBatch,
): Promise<Reply<Counts>> {
  if (door === 'recordUsage') {
    const { accountId } = books;
    const reply = await caller.operation(RecordUsageDocument, { accountId, events });
    return reply.outcome === 'OK' ? { ...reply, data: reply.data.recordUsage } : reply;
  }
  const path = `/v1/events?accountId=${encodeURIComponent(books.accountId)}` as const;
  const all = events.map((event) => ({
    ...{ specversion: '1.0', type: 'com.billing-gateway.processing' },
    ...{ source: event.source, id: event.eventId, time: event.occurredAt },
    subject: `GUARDRAIL/${String(event.resourceExternalId)}`,
    data: { credits: event.credits },
  }));
  return caller.send<Counts>({ what: door, path, body: door === 'single' ? all[0] : all });
}

/**
 * Reads some views, each of another range, since a gateway may remember what it answered before. A busy one may refuse them for a
 * while, but not without end. @param isUp whether the database takes connections: without it nothing more is judged
 */
export async function readViews(acting: Acting, isUp: () => Promise<boolean>): Promise<void> {
  const { caller, books, chance, nowMs, violations } = acting;
  const endMs = performance.now() + READ_WITHIN_MS;
  for (let answered = 0; answered < VIEWS_READ;) {
    const toMs = nowMs();
    const range = { from: iso(toMs - chance.whole(1, 10 * 86_400_000)), to: iso(toMs) };
    const reply = await caller.operation(OverviewDocument, { accountId: books.accountId, range });
    if (reply.outcome === 'OK') answered += 1;
    else if (!(await isUp())) return;
    else if (performance.now() > endMs) {
      violations.add('reading goes on', reply.code);
      return;
    }
    await delay(READ_EVERY_MS);
  }
}

/** Voids events that were recorded. */
export const voidEvents: Actor = ({ books, caller, chance, violations }) => {
  return async () => {
    const ids = books.eventIds('YES', 'NO');
    await caller.pause();
    if (ids.length < 20) return;
    const eventId = chance.oneOf(ids);
    const event = books.events.get(eventId);
    if (event === undefined) return;
    event.voided = 'UNKNOWN';
    const { accountId } = books;
    const input = { accountId, source: SOURCE, eventId, reason: 'by the driver' };
    const reply = await caller.untilKnown(VoidUsageDocument, input);
    if (reply.outcome === 'REFUSED') {
      violations.add('what was recorded is known', `${eventId} cannot be voided: ${reply.code}`);
    }
    event.voided = 'YES';
  };
};

// ---- credits

/** Allocates and adjusts, under keys. What is not known is sent again later, or at once. */
export const moveCredits: Actor = ({ books, caller, chance, violations, round }) => {
  let made = 0;
  return async () => {
    made += 1;
    const { accountId } = books;
    const idempotencyKey = `${round}-${made}`;
    const isAdjustment = chance.happens(0.5);
    const amountMicro = BigInt(chance.whole(isAdjustment ? -2_000_000 : 1, 5_000_000) || 1);
    const amount = formatMicro(amountMicro);
    const sent = { amountMicro, booked: 'UNKNOWN' as 'UNKNOWN' | 'YES' };
    books.amounts.set(idempotencyKey, sent);
    const book = async (): Promise<boolean> => {
      const reply: Reply<unknown> = isAdjustment
        ? await caller.operation(AdjustCreditsDocument, {
            input: { accountId, amount, idempotencyKey, reason: 'by the driver' },
          })
        : await caller.operation(AllocateDocument, {
            input: { accountId, amount, idempotencyKey },
          });
      if (reply.outcome === 'REFUSED') violations.add('a right call is taken', reply.code);
      if (reply.outcome === 'OK') sent.booked = 'YES';
      return reply.outcome !== 'UNKNOWN';
    };
    if (!(await book())) {
      books.unsettled.push(async () => {
        while (!(await book()));
      });
    }
    await caller.pause();
  };
};

/** Moves the low limit across the balance and back: each time one alert. */
export const crossLimit: Actor = ({ books, caller }) => {
  return async () => {
    const { accountId } = books;
    const lowCredit = books.crossings % 2 === 0 ? EVERYTHING : '0';
    // It is the same however often it is sent.
    await caller.ask(SetCreditPolicyDocument, { input: { accountId, lowCredit } });
    books.crossings += 1;
    await caller.pause();
  };
};

// ---- hosting

/** Deploys, scales and undeploys a resource, at instants of its own. */
export const host =
  (externalId: string): Actor =>
  ({ books, caller, chance, resourceIds, nowMs, violations }) => {
    const id = resourceIds.get(externalId) ?? '';
    let lastMs = 0;
    let running: { toMs: number | null } | null = null;
    const end = (atMs: number): void => {
      if (running !== null) running.toMs = atMs;
      running = null;
    };
    const begin = (atMs: number, replicas: number): void => {
      const stretch = { fromMs: atMs, toMs: null, replicas };
      books.hosting.push(stretch);
      running = stretch;
    };
    const undeploy = async (): Promise<void> => {
      const atMs = Math.max(nowMs() - BEHIND_MS, lastMs);
      await caller.ask(UndeployDocument, { id, at: iso(atMs) });
      end(atMs);
      lastMs = atMs;
    };
    let isFirst = true;
    let replicas = 0;
    return async () => {
      await caller.pause();
      if (isFirst) {
        isFirst = false;
        books.unsettled.push(async () => {
          if (running !== null) await undeploy();
        });
      }
      if (running !== null && chance.happens(0.4)) return undeploy();
      const atMs = Math.max(nowMs() - BEHIND_MS, lastMs);
      const before = replicas;
      replicas = chance.whole(1, 5);
      const at = iso(atMs);
      if (running === null) {
        const input = { id, hardware: HARDWARE, replicas, at };
        const reply = await caller.untilKnown(DeployDocument, { input });
        if (reply.outcome === 'REFUSED') {
          // The driver's own limits are across the balance meanwhile.
          if (reply.code !== 'DEPLOYMENTS_DISABLED')
            violations.add('a right call is taken', reply.code);
          return;
        }
      } else {
        if (replicas === before) return;
        const reply = await caller.untilKnown(ScaleDocument, { input: { id, replicas, at } });
        if (reply.outcome === 'REFUSED') {
          replicas = before;
          if (reply.code !== 'DEPLOYMENTS_DISABLED')
            violations.add('a right call is taken', reply.code);
          return;
        }
        end(atMs);
      }
      begin(atMs, replicas);
      lastMs = atMs;
    };
  };

/** Moves the clock of a test account. @param clock where it stands */
export const moveClock =
  (clock: { ms: number }): Actor =>
  ({ books, caller, chance }) => {
    return async () => {
      const toMs = clock.ms + chance.whole(1_000, 600_000);
      await caller.ask(AdvanceTestClockDocument, { accountId: books.accountId, to: iso(toMs) });
      clock.ms = toMs;
      await caller.pause();
    };
  };

// ---- reading

/** Reads a balance: what it is made of adds up to it, at any moment. */
export const readBalance: Actor = ({ books, caller, violations }) => {
  return async () => {
    const reply = await caller.operation(CreditsDocument, { accountId: books.accountId });
    await caller.pause();
    if (reply.outcome !== 'OK') return;
    const credits = reply.data.account?.credits;
    if (credits === undefined) {
      violations.add('an account is found', books.name);
      return;
    }
    const [allocated, used, remaining] = [credits.allocated, credits.used, credits.remaining].map(
      microOf,
    );
    violations.compare(
      'allocated - used = remaining, in every answer',
      books.name,
      remaining,
      (allocated ?? 0n) - (used ?? 0n),
    );
  };
};

export function microOf(credits: string): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(credits) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(6, '0')}`);
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
