// Parses events and hosting periods as they were sent, by GraphQL, REST or the import.

import { UserInputError } from '../core/errors.ts';
import { decodeId, type NodeType } from '../core/identity.ts';
import { parseInstant } from '../core/instant.ts';
import { parseMicro } from '../core/micro.ts';
import { isoInstant } from '../core/range.ts';
import { parseText, TEXT_MAX } from '../core/text.ts';
import { REPLICAS_MAX } from '../hosting/charge.ts';
import { resourceKinds, typeOfKind, type ResourceKind } from '../resources/resource.ts';
import {
  usageEventTypes,
  type SubjectKind,
  type UsageEventType,
  type UsageType,
} from '../rollups/kinds.ts';
import {
  quoted,
  rejected,
  UNIT_MAX,
  type Rejection,
  type SubjectRef,
  type UsageEvent,
} from './event.ts';

/** Fields as a client sent them, of any type: GraphQL has checked their types, REST has not. Null counts as left out. */
export interface RawFields {
  readonly source?: unknown;
  readonly eventId?: unknown;
  readonly resourceId?: unknown;
  readonly resourceKind?: unknown;
  readonly resourceExternalId?: unknown;
  readonly modelId?: unknown;
  readonly modelExternalId?: unknown;
  /** For an event. */
  readonly type?: unknown;
  readonly quantity?: unknown;
  readonly unit?: unknown;
  readonly credits?: unknown;
  readonly occurredAt?: unknown;
  /** For a period. */
  readonly hardware?: unknown;
  readonly replicas?: unknown;
  readonly from?: unknown;
  readonly to?: unknown;
}

/**
 * Parses one usage event. Instants are epoch milliseconds or RFC 3339 texts.
 * @param accountId the event's account: ids of other accounts' resources count as unknown
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
      unit: unitOf(raw.unit ?? null),
      creditsMicro: creditsOf(raw.credits ?? null, type),
      occurredAtMs: instantOf('occurredAt', raw.occurredAt),
      hosting: null,
    };
  } catch (error) {
    return rejectionOf(error);
  }
}

/** Parses one hosting period that already happened. @param accountId as in parseUsageEvent */
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
      unit: null,
      creditsMicro: 0n,
      occurredAtMs,
      hosting: { hardware: textOf('hardware', raw.hardware), toMs },
    };
  } catch (error) {
    return rejectionOf(error);
  }
}

/** Ends the parsing of one event with a specific code. */
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
  return subjectByName('MODEL', textOf('modelExternalId', externalId));
}

function subjectOfResource(raw: RawFields, accountId: number): SubjectRef | null {
  const id = raw.resourceId ?? null;
  const kind = raw.resourceKind ?? null;
  const externalId = raw.resourceExternalId ?? null;
  const isNamed = kind !== null || externalId !== null;
  if (id === null) {
    if (!isNamed) return null;
    return subjectByName(
      memberOf('resourceKind', kind, resourceKinds),
      textOf('resourceExternalId', externalId),
    );
  }
  if (isNamed) {
    throw new UserInputError(
      'Name the resource by resourceId, or by resourceKind and resourceExternalId, not by both.',
    );
  }
  return subjectById(textOf('resourceId', id), accountId, null);
}

// An id of another account counts as unknown, so it must not be looked up in this account.
function subjectById(id: string, accountId: number, expected: 'MODEL' | null): SubjectRef {
  const ref = decodeId(id);
  const kind = ref?.accountId === accountId ? kindOfType(ref.type) : null;
  if (ref === null || kind === null || (kind === 'MODEL') !== (expected === 'MODEL')) {
    return { key: `?${id}`, by: 'foreignId', kind: expected, id };
  }
  return { key: `${kind}#${ref.localId}`, by: 'id', kind, id, localId: ref.localId };
}

// Kinds contain none of the signs of keys, so no two subjects share a key.
function subjectByName(kind: SubjectKind, externalId: string): SubjectRef {
  return { key: `${kind}/${externalId}`, by: 'externalId', kind, externalId };
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
    // -0 is zero, and must equal it when contents are compared.
    return value === 0 ? 0 : value;
  }
  throw mustBe(field, value, `a whole number from ${from} to ${to}`);
}

function textOf(field: string, value: unknown, maxLength = TEXT_MAX): string {
  if (typeof value !== 'string') throw mustBe(field, value, 'a string');
  return parseText(value, [field], maxLength);
}

function unitOf(unit: unknown): string | null {
  return unit === null ? null : textOf('unit', unit, UNIT_MAX);
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
