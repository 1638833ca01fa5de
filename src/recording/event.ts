// What the platform reports: that something was used at an instant (a run, a charge), or that something was hosted over a
// period. Both share one space of identities, (account, source, eventId), which holds for ever: the same again is a
// duplicate, other content under the same identity is a conflict. Nothing here knows the database or the clock: an event
// is read as it was sent, and what is wrong with it is a Rejection of that event alone.

import { UserInputError } from '../core/errors.ts';
import { decodeId, type NodeType } from '../core/identity.ts';
import { parseInstant } from '../core/instant.ts';
import { parseMicro } from '../core/micro.ts';
import { DAY_MS, isoInstant } from '../core/range.ts';
import { parseText } from '../core/text.ts';
import { REPLICAS_MAX } from '../hosting/charge.ts';
import { resourceKinds, typeOfKind, type ResourceKind } from '../resources/resource.ts';
import {
  usageEventTypes,
  type SubjectKind,
  type UsageEventType,
  type UsageType,
} from '../rollups/kinds.ts';

export const EVENTS_PER_CALL_MAX = 5_000;

/** Why an event was not recorded. */
export type RejectionCode =
  /** A field is missing, of the wrong form or out of bounds; the message names it. */
  | 'INVALID_EVENT'
  /** The type is charged in credits, and none were given. */
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
  /** The resource is hosted already at some time within the period. */
  | 'OVERLAP'
  /** The account's sums would pass what the API can say exactly. */
  | 'LIMIT_EXCEEDED';

export interface Rejection {
  readonly code: RejectionCode;
  /** One sentence that names the field and what was expected. */
  readonly message: string;
}

/** What an event names: by the platform's identifier, by an id of ours, or by an id that is none of this account's. */
export type SubjectRef =
  | { readonly by: 'externalId'; readonly kind: SubjectKind; readonly externalId: string }
  | { readonly by: 'id'; readonly kind: SubjectKind; readonly id: string; readonly localId: number }
  | { readonly by: 'foreignId'; readonly kind: 'MODEL' | null; readonly id: string };

/** An event or a hosting period as it was sent, read but not yet judged. */
export interface UsageEvent {
  readonly source: string;
  readonly eventId: string;
  readonly type: UsageType;
  readonly subject: SubjectRef;
  /** Runs, pages, tokens; replicas of a period. */
  readonly quantity: number;
  readonly creditsMicro: bigint;
  /** When it happened; the begin of a period. */
  readonly occurredAtMs: number;
  /** Of a hosting period only. */
  readonly hosting: { readonly hardware: string; readonly toMs: number } | null;
}

/** The content of a recorded event, by which a repetition is told from a conflict. */
export interface EventContent {
  readonly type: UsageType;
  readonly kind: SubjectKind;
  readonly subjectId: number;
  readonly quantity: number;
  readonly creditsMicro: bigint;
  readonly occurredAtMs: number;
  readonly endedAtMs: number | null;
  readonly hardwareId: number | null;
}

/** How far back (days of 24 hours) and ahead events are taken. */
export interface IngestWindow {
  readonly windowDays: number;
  readonly aheadSeconds: number;
}

/** Fields as a client sent them, of any form: GraphQL has checked their types, REST has not. Null is left out. */
export interface RawFields {
  readonly source?: unknown;
  readonly eventId?: unknown;
  readonly resourceId?: unknown;
  readonly resourceKind?: unknown;
  readonly resourceExternalId?: unknown;
  readonly modelId?: unknown;
  readonly modelExternalId?: unknown;
  /** Of an event. */
  readonly type?: unknown;
  readonly quantity?: unknown;
  readonly credits?: unknown;
  readonly occurredAt?: unknown;
  /** Of a period. */
  readonly hardware?: unknown;
  readonly replicas?: unknown;
  readonly from?: unknown;
  readonly to?: unknown;
}

export function isRejection(judged: UsageEvent | Rejection): judged is Rejection {
  return 'code' in judged;
}

/** The key of an event's identity within its account. NUL is in no text, so no two identities share a key. */
export function identityKey(event: { readonly source: string; readonly eventId: string }): string {
  return `${event.source}\0${event.eventId}`;
}

/**
 * Reads one usage event. Instants are epoch milliseconds or RFC 3339 texts.
 * @param accountId whose event it is: ids of other accounts' resources are unknown to it
 */
export function parseUsageEvent(raw: RawFields, accountId: number): UsageEvent | Rejection {
  try {
    const type = memberOf('type', raw.type, usageEventTypes);
    return {
      source: textOf('source', raw.source),
      eventId: textOf('eventId', raw.eventId),
      type,
      subject: subjectOf(raw, type, accountId),
      quantity: wholeNumber('quantity', raw.quantity ?? 1, 0, Number.MAX_SAFE_INTEGER),
      creditsMicro: creditsOf(raw.credits ?? null, type),
      occurredAtMs: instantOf('occurredAt', raw.occurredAt),
      hosting: null,
    };
  } catch (error) {
    return rejectionOf(error);
  }
}

/** Reads one hosting period that already happened. @param accountId as in parseUsageEvent */
export function parseHostingPeriod(raw: RawFields, accountId: number): UsageEvent | Rejection {
  try {
    const occurredAtMs = instantOf('from', raw.from);
    const toMs = instantOf('to', raw.to);
    if (occurredAtMs >= toMs) {
      throw new UserInputError(
        `from is ${isoInstant(occurredAtMs)} and to is ${isoInstant(toMs)}; from must be before to.`,
      );
    }
    return {
      source: textOf('source', raw.source),
      eventId: textOf('eventId', raw.eventId),
      type: 'HOSTING',
      subject: subjectOf(raw, 'HOSTING', accountId),
      quantity: wholeNumber('replicas', raw.replicas ?? 1, 1, REPLICAS_MAX),
      creditsMicro: 0n,
      occurredAtMs,
      hosting: { hardware: textOf('hardware', raw.hardware), toMs },
    };
  } catch (error) {
    return rejectionOf(error);
  }
}

/** Whether it lies where events are still, or already, taken. @returns null when it does */
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

/** Whether the type can belong to the kind of thing that is named. @returns null when it can */
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

/** Names what differs between a recorded event and one that has the same identity; nothing when it is the same again. */
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

/** Ends the reading of one event with a code of its own. */
class RejectedError extends Error {
  constructor(readonly rejection: Rejection) {
    super(rejection.message);
  }
}

function rejectionOf(error: unknown): Rejection {
  if (error instanceof RejectedError) return error.rejection;
  if (error instanceof UserInputError) return rejected('INVALID_EVENT', error.message);
  throw error;
}

function subjectOf(raw: RawFields, type: UsageType, accountId: number): SubjectRef {
  const ofModel = subjectOfModel(raw, accountId);
  const ofResource = subjectOfResource(raw, accountId);
  if (ofModel !== null && ofResource !== null) {
    throw new UserInputError('An event belongs to a resource or to a model, not to both.');
  }
  const subject = ofModel ?? ofResource;
  if (subject !== null) return subject;
  throw new UserInputError(
    type === 'FINE_TUNING' || type === 'STORAGE'
      ? `${type} needs its model: modelId or modelExternalId.`
      : `${type} needs its resource: resourceId, or resourceKind and resourceExternalId.`,
  );
}

function subjectOfModel(raw: RawFields, accountId: number): SubjectRef | null {
  const id = raw.modelId ?? null;
  const externalId = raw.modelExternalId ?? null;
  if (id === null && externalId === null) return null;
  if (id !== null && externalId !== null) {
    throw new UserInputError('Name the model by modelId or by modelExternalId, not by both.');
  }
  if (id !== null) return subjectById(textOf('modelId', id), accountId, 'MODEL');
  return { by: 'externalId', kind: 'MODEL', externalId: textOf('modelExternalId', externalId) };
}

function subjectOfResource(raw: RawFields, accountId: number): SubjectRef | null {
  const id = raw.resourceId ?? null;
  const kind = raw.resourceKind ?? null;
  const externalId = raw.resourceExternalId ?? null;
  const isNamed = kind !== null || externalId !== null;
  if (id === null) {
    if (!isNamed) return null;
    return {
      by: 'externalId',
      kind: memberOf('resourceKind', kind, resourceKinds),
      externalId: textOf('resourceExternalId', externalId),
    };
  }
  if (isNamed) {
    throw new UserInputError(
      'Name the resource by resourceId, or by resourceKind and resourceExternalId, not by both.',
    );
  }
  return subjectById(textOf('resourceId', id), accountId, null);
}

// An id of another account is as unknown as one that never was, so it must not be looked up among our own.
function subjectById(id: string, accountId: number, expected: 'MODEL' | null): SubjectRef {
  const ref = decodeId(id);
  const kind = ref?.accountId === accountId ? kindOfType(ref.type) : null;
  if (ref === null || kind === null || (kind === 'MODEL') !== (expected === 'MODEL')) {
    return { by: 'foreignId', kind: expected, id };
  }
  return { by: 'id', kind, id, localId: ref.localId };
}

const kindOfNode = new Map<NodeType, SubjectKind>([
  ['Model', 'MODEL'],
  ...Object.values(resourceKinds).map((kind: ResourceKind) => [typeOfKind[kind], kind] as const),
]);

function kindOfType(type: NodeType): SubjectKind | null {
  return kindOfNode.get(type) ?? null;
}

function creditsOf(credits: unknown, type: UsageEventType): bigint {
  if (type === 'WORKFLOW_RUN') {
    if (credits === null) return 0n;
    throw new RejectedError(
      rejected(
        'CREDITS_NOT_ALLOWED',
        'WORKFLOW_RUN has no credits: workflows are counted in runs.',
      ),
    );
  }
  if (credits === null) {
    throw new RejectedError(
      rejected('CREDITS_MISSING', `${type} needs credits, for example "14.2".`),
    );
  }
  if (typeof credits !== 'string') {
    throw new UserInputError(
      'credits must be a decimal number as a string, like "0.25": a JSON number is not exact.',
    );
  }
  const creditsMicro = readAs('credits', credits, parseMicro);
  if (creditsMicro >= 0n) return creditsMicro;
  throw new UserInputError(`credits is ${quoted(credits)}; it must be zero or more.`);
}

function instantOf(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string') return readAs(field, value, parseInstant);
  throw mustBe(field, value, 'an instant like "2026-03-29T01:30:00.000Z"');
}

function wholeNumber(field: string, value: unknown, from: number, to: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to) {
    // -0 is zero, and must be one when contents are compared.
    return value === 0 ? 0 : value;
  }
  throw mustBe(field, value, `a whole number from ${from} to ${to}`);
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== 'string') throw mustBe(field, value, 'a string');
  return parseText(value, [field]);
}

function memberOf<T extends string>(
  field: string,
  value: unknown,
  set: Readonly<Record<T, unknown>>,
): T {
  if (typeof value === 'string' && isMember(value, set)) return value;
  throw mustBe(field, value, `one of ${Object.keys(set).join(', ')}`);
}

function isMember<T extends string>(value: string, set: Readonly<Record<T, unknown>>): value is T {
  return Object.hasOwn(set, value);
}

function mustBe(field: string, value: unknown, expected: string): UserInputError {
  return new UserInputError(
    value === null || value === undefined
      ? `${field} is missing; it must be ${expected}.`
      : `${field} is ${quoted(value)}; it must be ${expected}.`,
  );
}

function readAs<T>(field: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof UserInputError)) throw error;
    throw new UserInputError(`${field}: ${error.message}`, { cause: error });
  }
}

function quoted(value: unknown): string {
  // What is nested is not shown: it may be nested too deeply to be printed.
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  const shown = JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
