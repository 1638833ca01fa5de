// POST /v1/events: usage as CloudEvents 1.0, for platforms that already use them. An event is converted to the fields
// that GraphQL takes, and judged by the same function. A fault in one event never affects the others.
// docs/events.md describes the mapping.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { UserInputError } from '../core/errors.ts';
import { EVENTS_PER_CALL_MAX, rejected } from '../recording/event.ts';
import type { RawFields } from '../recording/parse-event.ts';
import type { IngestService, Report } from '../recording/ingest.service.ts';
import { readText } from './incoming.ts';
import type { KeyCheck } from './key-check.ts';
import type { RequestAdmission, Work } from './overload.ts';
import { actorOf } from './request-state.ts';

const EVENTS_BODY_BYTES_MAX = 16 * 1024 * 1024;
const CLOUD_EVENT_TYPE_PREFIX = 'com.billing-gateway.';
const SINGLE = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';

/** The supported CloudEvents types, and what each one records. */
const typeOfCloudEvent = {
  [`${CLOUD_EVENT_TYPE_PREFIX}workflow-run`]: 'WORKFLOW_RUN',
  [`${CLOUD_EVENT_TYPE_PREFIX}processing`]: 'PROCESSING',
  [`${CLOUD_EVENT_TYPE_PREFIX}fine-tuning`]: 'FINE_TUNING',
  [`${CLOUD_EVENT_TYPE_PREFIX}storage`]: 'STORAGE',
  [`${CLOUD_EVENT_TYPE_PREFIX}hosting`]: 'HOSTING',
} as const satisfies Readonly<Record<string, string>>;
type Recorded = (typeof typeOfCloudEvent)[keyof typeof typeOfCloudEvent];
const recordedTypes: ReadonlyMap<unknown, Recorded> = new Map(Object.entries(typeOfCloudEvent));

const USAGE_FIELDS: readonly string[] = ['quantity', 'unit', 'credits'];
const HOSTING_FIELDS: readonly string[] = ['hardware', 'replicas', 'from', 'to'];
/** As many points as a mutation. */
const CALL: Work = { type: 'mutation', points: 20 };

export interface EventsRouteDeps {
  readonly ingest: Pick<IngestService, 'record'>;
  readonly check: KeyCheck;
  readonly admission: RequestAdmission;
}

/** Adds the route to a server, with its own content types. */
export async function registerEventsRoute(
  app: FastifyInstance,
  deps: EventsRouteDeps,
): Promise<void> {
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([SINGLE, BATCH], { parseAs: 'buffer' }, readText);
    scope.route({
      method: 'POST',
      url: '/v1/events',
      bodyLimit: EVENTS_BODY_BYTES_MAX,
      config: { takes: [SINGLE, BATCH], writes: true },
      onRequest: async (request) => {
        deps.admission.onRequest();
        await deps.check(request);
      },
      preHandler: (request, _reply, done) => {
        deps.admission.admit(request, CALL);
        done();
      },
      handler: async (request) => {
        const reports = reportsOf(request);
        const target = { accountId: accountOf(request), path: [] };
        return deps.ingest.record(actorOf(request), target, reports);
      },
    });
    done();
  });
}

/** One CloudEvent as the fields of a usage event or of a hosting period. It reads nothing and throws nothing. */
function reportOf(event: unknown): Report {
  try {
    if (!isObject(event)) throw new UserInputError('A CloudEvent is a JSON object.');
    const type = recordedType(event);
    const { kind, externalId } = subjectOf(member(event, 'subject'));
    const isModel = kind === 'MODEL';
    const data = dataOf(event, type === 'HOSTING' ? HOSTING_FIELDS : USAGE_FIELDS);
    // Always all fields of both, in the same order: objects of varying shape are read much more slowly.
    const fields: RawFields = {
      source: member(event, 'source'),
      eventId: member(event, 'id'),
      resourceKind: isModel ? null : kind,
      resourceExternalId: isModel ? null : externalId,
      modelExternalId: isModel ? externalId : null,
      type,
      quantity: member(data, 'quantity'),
      unit: member(data, 'unit'),
      credits: member(data, 'credits'),
      occurredAt: type === 'HOSTING' ? null : timeOf(member(event, 'time')),
      hardware: member(data, 'hardware'),
      replicas: member(data, 'replicas'),
      from: asText(member(data, 'from')),
      to: asText(member(data, 'to')),
    };
    return { as: type === 'HOSTING' ? 'period' : 'event', fields };
  } catch (error) {
    if (!(error instanceof UserInputError)) throw error;
    return { as: 'unreadable', rejection: rejected('INVALID_EVENT', error.message) };
  }
}

function reportsOf(request: FastifyRequest): readonly Report[] {
  const { body } = request;
  const isBatch = request.headers['content-type']?.toLowerCase().startsWith(BATCH) === true;
  if (typeof body !== 'string')
    throw new UserInputError('The body is empty: send CloudEvents as JSON.');
  const parsed = parseJson(body);
  if (!isBatch) {
    if (!Array.isArray(parsed)) return [reportOf(parsed)];
    throw new UserInputError(`A list of CloudEvents is sent as ${BATCH}.`);
  }
  if (!Array.isArray(parsed)) {
    throw new UserInputError(
      `${BATCH} is a JSON list of CloudEvents; one alone is sent as ${SINGLE}.`,
    );
  }
  if (parsed.length > EVENTS_PER_CALL_MAX) {
    throw new UserInputError(
      `The batch has ${parsed.length} events; at most ${EVENTS_PER_CALL_MAX} are accepted in one call.`,
    );
  }
  return parsed.map(reportOf);
}

function accountOf(request: FastifyRequest): string | null {
  const accountId = isObject(request.query) ? member(request.query, 'accountId') : null;
  if (accountId === null || typeof accountId === 'string') return accountId;
  throw new UserInputError('accountId is given more than once; name one account.', {
    path: ['accountId'],
  });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new UserInputError('The body is not JSON.', { cause: error });
  }
}

function recordedType(event: object): Recorded {
  const version = member(event, 'specversion');
  if (version !== '1.0') {
    throw new UserInputError(
      'specversion must be "1.0": other versions of CloudEvents are not taken.',
    );
  }
  const recorded = recordedTypes.get(member(event, 'type'));
  if (recorded !== undefined) return recorded;
  throw new UserInputError(`type must be one of ${Object.keys(typeOfCloudEvent).join(', ')}.`);
}

function subjectOf(subject: unknown): { readonly kind: string; readonly externalId: string } {
  const match = typeof subject === 'string' ? /^([A-Za-z_]+)\/(.+)$/su.exec(subject) : null;
  if (match === null) {
    throw new UserInputError(
      'subject must name what the event belongs to, like "WORKFLOW/invoice-intake" or "MODEL/llama-3-8b".',
    );
  }
  const [, kind = '', externalId = ''] = match;
  return { kind: kind.toUpperCase(), externalId };
}

function dataOf(event: object, allowed: readonly string[]): object {
  if (member(event, 'data_base64') !== null) {
    throw new UserInputError('data_base64 is not taken: send data as JSON.');
  }
  const contentType = member(event, 'datacontenttype');
  if (contentType !== null && !isJsonType(contentType)) {
    throw new UserInputError('datacontenttype must be application/json, or be left out.');
  }
  const data = member(event, 'data') ?? {};
  if (!isObject(data)) throw new UserInputError('data must be a JSON object.');
  const unknown = Object.keys(data).find((field) => !allowed.includes(field));
  if (unknown === undefined) return data;
  throw new UserInputError(
    `data has the unknown field ${JSON.stringify(unknown.slice(0, 40))}; this type takes ${allowed.join(', ')}.`,
  );
}

function timeOf(time: unknown): unknown {
  if (time === null) throw new UserInputError('time is missing: it says when the usage happened.');
  return asText(time);
}

// A number would be read as epoch milliseconds, which are not part of this format.
function asText(instant: unknown): unknown {
  return typeof instant === 'number' ? String(instant) : instant;
}

function isJsonType(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^application\/json(\s*;|$)/i.test(contentType);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that was sent, or null. Members that come from a prototype ("__proto__") do not count. */
function member(object: object, name: string): unknown {
  const value: unknown = Object.hasOwn(object, name) ? Reflect.get(object, name) : null;
  return value ?? null;
}
