// What the platform reports: that something was used at an instant (a run, a charge), or that something was hosted over a
// period. Both share one space of identities, (account, source, eventId), which never expire. The same event again is a
// duplicate; other content under the same identity is a conflict. Nothing here knows the database or the clock. A fault
// in an event is a Rejection of that event alone.

import { DAY_MS, isoInstant, type Range } from '../core/range.ts';
import type { SubjectKind, UsageType } from '../rollups/kinds.ts';

export const EVENTS_PER_CALL_MAX = 5_000;
/** The most that events may be accepted ahead of the time. A constraint of the database holds everything recorded to it. */
export const INGEST_AHEAD_MAX_SECONDS = 86_400;
/** The longest unit, in UTF-16 units as all texts. */
export const UNIT_MAX = 32;

/** Why an event was not recorded. */
export type RejectionCode =
  /** A field is missing, has the wrong form or is out of bounds; the message names it. */
  | 'INVALID_EVENT'
  /** The type is charged in credits, and the event has none. */
  | 'CREDITS_MISSING'
  /** A workflow run has no credits. */
  | 'CREDITS_NOT_ALLOWED'
  /** The type cannot belong to what the event names. */
  | 'WRONG_KIND'
  | 'UNKNOWN_RESOURCE'
  | 'UNKNOWN_MODEL'
  | 'UNKNOWN_HARDWARE'
  /** It happened too long ago, or has not happened yet. */
  | 'OUTSIDE_WINDOW'
  /** The hardware had no rate yet when the period began. */
  | 'NO_RATE'
  /** The resource was already hosted at some time of the period. */
  | 'OVERLAP'
  /** The account's sums would exceed what the API can represent exactly. */
  | 'LIMIT_EXCEEDED';

export interface Rejection {
  readonly code: RejectionCode;
  /** One sentence that names the field and what was expected. */
  readonly message: string;
}

/** The subject that an event names: by the platform's identifier, by an id of ours, or by an id that is not of this account. */
export type SubjectRef = {
  /** Tells the subjects of an account apart. */
  readonly key: string;
} & (
  | { readonly by: 'externalId'; readonly kind: SubjectKind; readonly externalId: string }
  | { readonly by: 'id'; readonly kind: SubjectKind; readonly id: string; readonly localId: number }
  | { readonly by: 'foreignId'; readonly kind: 'MODEL' | null; readonly id: string }
);

/** An event or a hosting period as it was sent, parsed but not yet judged. */
export interface UsageEvent {
  readonly source: string;
  readonly eventId: string;
  readonly type: UsageType;
  readonly subject: SubjectRef;
  /** Runs, pages, tokens; replicas of a period. */
  readonly quantity: number;
  /** What the quantity counts, such as pages; null when nothing was said, as of every period. */
  readonly unit: string | null;
  readonly creditsMicro: bigint;
  /** When it happened; the start of a period. */
  readonly occurredAtMs: number;
  /** For a hosting period only. */
  readonly hosting: { readonly hardware: string; readonly toMs: number } | null;
}

/** The content of a recorded event. It distinguishes a repetition from a conflict. */
export interface EventContent {
  readonly type: UsageType;
  readonly kind: SubjectKind;
  readonly subjectId: number;
  readonly quantity: number;
  readonly unit: string | null;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
  readonly endedAtMs: number | null;
  readonly hardwareId: number | null;
}

/** An event, or a hosting period, as it was recorded. */
export interface RecordedEvent extends EventContent {
  readonly accountId: number;
  readonly seq: number;
  readonly source: string;
  readonly eventId: string;
  readonly recordedAtMs: number;
  readonly voidedAtMs: number | null;
}

/** The identity of an event within its account. */
export interface EventIdentity {
  readonly source: string;
  readonly eventId: string;
}

/** Which of an account's events to list; null is no condition. */
export interface EventFilter {
  readonly range: Range | null;
  readonly resourceId: number | null;
  readonly modelId: number | null;
  readonly source: string | null;
  readonly eventId: string | null;
}

/** How far in the past (days of 24 hours) and in the future events are accepted. */
export interface IngestWindow {
  readonly windowDays: number;
  readonly aheadSeconds: number;
}

export function isRejection(judged: UsageEvent | Rejection): judged is Rejection {
  return 'code' in judged;
}

/** The key of an event's identity within its account. No text contains NUL, so no two identities share a key. */
export function identityKey(event: EventIdentity): string {
  return `${event.source}\0${event.eventId}`;
}

/** The rejection of an event outside the window; null when it is inside. */
export function refusedByWindow(
  event: UsageEvent,
  window: IngestWindow,
  nowMs: number,
): Rejection | null {
  const earliestMs = nowMs - window.windowDays * DAY_MS;
  const field = event.hosting === null ? 'occurredAt' : 'from';
  if (event.occurredAtMs < earliestMs) {
    return rejected(
      'OUTSIDE_WINDOW',
      `${field} is ${isoInstant(event.occurredAtMs)}; events are taken up to ${window.windowDays} days back, from ${isoInstant(earliestMs)} on.`,
    );
  }
  if (event.hosting !== null && event.hosting.toMs > nowMs) {
    return rejected(
      'OUTSIDE_WINDOW',
      `to is ${isoInstant(event.hosting.toMs)}; a period has happened, so to must not be after now, ${isoInstant(nowMs)}.`,
    );
  }
  const latestMs = nowMs + window.aheadSeconds * 1_000;
  if (event.occurredAtMs <= latestMs) return null;
  return rejected(
    'OUTSIDE_WINDOW',
    `occurredAt is ${isoInstant(event.occurredAtMs)}; events are taken up to ${window.aheadSeconds} seconds ahead, until ${isoInstant(latestMs)}.`,
  );
}

/** The rejection of an event whose type cannot belong to the kind of its subject; null when it can. */
export function refusedByKind(event: UsageEvent): Rejection | null {
  const { kind } = event.subject;
  if (kind === null) return null;
  if (mayBelongTo(event.type, kind)) return null;
  switch (event.type) {
    case 'WORKFLOW_RUN':
      return rejected('WRONG_KIND', `WORKFLOW_RUN names a workflow, not a ${kind}.`);
    case 'FINE_TUNING':
    case 'STORAGE':
      return rejected('WRONG_KIND', `${event.type} names a model, not a ${kind}.`);
    case 'PROCESSING':
      return rejected(
        'WRONG_KIND',
        kind === 'WORKFLOW'
          ? 'PROCESSING names a hosted resource, not a WORKFLOW: workflows are counted in runs, as WORKFLOW_RUN.'
          : `PROCESSING names a hosted resource, not a ${kind}.`,
      );
    case 'HOSTING':
      return rejected('WRONG_KIND', `A ${kind} is not hosted: a period names a hosted resource.`);
  }
}

/** The rejection of an event whose subject the account does not have. */
export function unknownSubject(subject: SubjectRef): Rejection {
  const code = subject.kind === 'MODEL' ? 'UNKNOWN_MODEL' : 'UNKNOWN_RESOURCE';
  const named =
    subject.by === 'externalId'
      ? `No ${subject.kind} has the externalId ${quoted(subject.externalId)} in this account.`
      : `Nothing was found under the id ${quoted(subject.id)}.`;
  return rejected(code, named);
}

/** Names the differences between a recorded event and one with the same identity; empty when they are equal. */
export function differences(
  recorded: EventContent,
  event: UsageEvent,
  found: { readonly subjectId: number | null; readonly hardwareId: number | null },
): readonly string[] {
  if (recorded.type !== event.type) return ['type'];
  const isPeriod = recorded.endedAtMs !== null;
  const pairs: readonly (readonly [string, boolean])[] = [
    [
      event.subject.kind === 'MODEL' ? 'model' : 'resource',
      recorded.kind === event.subject.kind && recorded.subjectId === found.subjectId,
    ],
    [isPeriod ? 'replicas' : 'quantity', recorded.quantity === event.quantity],
    ['unit', recorded.unit === event.unit],
    ['credits', recorded.creditsMicro === event.creditsMicro],
    [isPeriod ? 'from' : 'occurredAt', recorded.occurredAtMs === event.occurredAtMs],
    ['to', recorded.endedAtMs === (event.hosting?.toMs ?? null)],
    ['hardware', recorded.hardwareId === found.hardwareId],
  ];
  return pairs.filter(([, isSame]) => !isSame).map(([field]) => field);
}

export function rejected(code: RejectionCode, message: string): Rejection {
  return { code, message };
}

function mayBelongTo(type: UsageType, kind: SubjectKind): boolean {
  switch (type) {
    case 'WORKFLOW_RUN':
      return kind === 'WORKFLOW';
    case 'FINE_TUNING':
    case 'STORAGE':
      return kind === 'MODEL';
    case 'PROCESSING':
    case 'HOSTING':
      return kind !== 'WORKFLOW' && kind !== 'MODEL';
  }
}

/** A value as a rejection shows it. */
export function quoted(value: unknown): string {
  // Nested values are not printed: their depth is not bounded.
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  const shown = JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
