import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeId } from '../../src/core/identity.ts';
import {
  differences,
  isRejection,
  refusedByKind,
  refusedByWindow,
  type RejectionCode,
  type UsageEvent,
} from '../../src/recording/event.ts';
import { parseHostingPeriod, parseUsageEvent } from '../../src/recording/parse-event.ts';

const ACCOUNT = 7;
const NOW = Date.UTC(2026, 2, 10, 12);
const DAY_MS = 86_400_000;
const WINDOW = { windowDays: 400, aheadSeconds: 300 };

const fields = {
  source: 'meter',
  eventId: 'e-1',
  type: 'PROCESSING',
  occurredAt: NOW,
  resourceKind: 'GUARDRAIL',
  resourceExternalId: 'pii',
  credits: '0.25',
};
const run = { type: 'WORKFLOW_RUN', resourceKind: 'WORKFLOW', credits: null };
const period = {
  source: 'meter',
  eventId: 'p-1',
  resourceKind: 'BROWSER_POD',
  resourceExternalId: 'pod',
  hardware: 'gpu',
  from: NOW - 3_600_000,
  to: NOW,
};

function anEvent(changes: object = {}): UsageEvent {
  const event = parseUsageEvent({ ...fields, ...changes }, ACCOUNT);
  if (isRejection(event)) throw new Error(event.message);
  return event;
}

function aPeriod(changes: object = {}): UsageEvent {
  const event = parseHostingPeriod({ ...period, ...changes }, ACCOUNT);
  if (isRejection(event)) throw new Error(event.message);
  return event;
}

function rejectionOf(changes: object): { readonly code: RejectionCode; readonly message: string } {
  const event = parseUsageEvent({ ...fields, ...changes }, ACCOUNT);
  if (isRejection(event)) return event;
  throw new Error('The event was read.');
}

describe('parseUsageEvent', () => {
  it('reads amounts exactly and fills the default quantity', () => {
    const event = anEvent({ credits: '9223372036854.775807' });

    expect(event.creditsMicro).toBe(2n ** 63n - 1n);
    expect(event.quantity).toBe(1);
  });

  it('reads an instant with an offset and cuts what is finer than a millisecond', () => {
    const event = anEvent({ occurredAt: '2026-03-10T13:00:00.4579+01:00' });

    expect(event.occurredAtMs).toBe(NOW + 457);
  });

  it('keeps every decimal of up to six fraction digits', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 63n - 1n), (micro) => {
        const digits = micro.toString().padStart(7, '0');
        const credits = `${digits.slice(0, -6)}.${digits.slice(-6)}`;
        expect(anEvent({ credits }).creditsMicro).toBe(micro);
      }),
    );
  });

  it.each([
    ['source', { source: '' }],
    ['source', { source: undefined }],
    ['eventId', { eventId: 'x'.repeat(256) }],
    ['eventId', { eventId: 'half \ud83d' }],
    ['eventId', { eventId: 'nul \0' }],
    ['eventId', { eventId: 17 }],
    ['type', { type: 'HOSTING' }],
    ['type', { type: 'toString' }],
    ['occurredAt', { occurredAt: '2026-02-30T00:00:00Z' }],
    ['occurredAt', { occurredAt: null }],
    ['quantity', { quantity: -1 }],
    ['quantity', { quantity: 2 ** 53 }],
    ['quantity', { quantity: 0.5 }],
    ['quantity', { quantity: NaN }],
    ['quantity', { quantity: '1' }],
    ['unit', { unit: '' }],
    ['unit', { unit: ' ' }],
    ['unit', { unit: 'x'.repeat(33) }],
    ['unit', { unit: 'nul \0' }],
    ['unit', { unit: 12 }],
    ['credits', { credits: '0.0000001' }],
    ['credits', { credits: '-0.000001' }],
    ['credits', { credits: '9223372036854.775808' }],
    ['credits', { credits: 'NaN' }],
    ['credits', { credits: 0.25 }],
    ['resourceKind', { resourceKind: 'MODEL' }],
    ['resourceExternalId', { resourceExternalId: '\0' }],
    ['resourceId', { resourceId: 'x' }],
    [
      'modelId',
      { resourceKind: null, resourceExternalId: null, modelId: 'a', modelExternalId: 'b' },
    ],
    ['model', { modelExternalId: 'llama' }],
    ['resource', { resourceKind: null, resourceExternalId: null }],
  ])('names %s when it is wrong: %j', (field, changes) => {
    const rejection = rejectionOf(changes);

    expect(rejection.code).toBe('INVALID_EVENT');
    expect(rejection.message).toContain(field);
  });

  it('takes a unit of up to 32 characters to the letter, and none', () => {
    expect(anEvent({ unit: 'x'.repeat(32) }).unit).toBe('x'.repeat(32));
    expect(anEvent({ unit: ' Pages ' }).unit).toBe(' Pages ');
    expect([anEvent().unit, anEvent({ unit: null }).unit]).toEqual([null, null]);
  });

  it('takes texts up to 255 characters and quantities up to 2^53 - 1', () => {
    const event = anEvent({ eventId: 'x'.repeat(255), quantity: 2 ** 53 - 1 });

    expect(event.eventId).toHaveLength(255);
    expect(event.quantity).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('wants credits for all but workflow runs, which have none', () => {
    expect(rejectionOf({ credits: null }).code).toBe('CREDITS_MISSING');
    expect(rejectionOf({ ...run, credits: '0' }).code).toBe('CREDITS_NOT_ALLOWED');
    expect(anEvent(run).creditsMicro).toBe(0n);
  });

  it('reads an id of the account, and takes one of another account for a strange one', () => {
    const named = { resourceKind: null, resourceExternalId: null };
    const own = anEvent({ ...named, resourceId: encodeId('OcrDeployment', ACCOUNT, 3) });
    const foreign = anEvent({ ...named, resourceId: encodeId('OcrDeployment', ACCOUNT + 1, 3) });

    expect(own.subject).toMatchObject({ by: 'id', kind: 'OCR_DEPLOYMENT', localId: 3 });
    expect(foreign.subject).toMatchObject({ by: 'foreignId' });
  });

  it('never throws, whatever is sent', () => {
    const names = ['type', 'resourceId', ...Object.keys(fields)];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.anything(), (name, value) => {
        const read = parseUsageEvent({ ...fields, [name]: value }, ACCOUNT);
        expect(typeof read).toBe('object');
      }),
    );
  });
});

describe('parseHostingPeriod', () => {
  it.each([
    ['from', { from: NOW }],
    ['replicas', { replicas: 0 }],
    ['replicas', { replicas: 1_001 }],
    ['hardware', { hardware: '' }],
    ['to', { to: null }],
  ])('names %s when it is wrong: %j', (field, changes) => {
    const read = parseHostingPeriod({ ...period, ...changes }, ACCOUNT);

    expect(read).toMatchObject({ code: 'INVALID_EVENT', message: expect.stringContaining(field) });
  });

  it('is an event whose quantity is its replicas', () => {
    expect(aPeriod({ replicas: 1_000 })).toMatchObject({
      type: 'HOSTING',
      quantity: 1_000,
      occurredAtMs: NOW - 3_600_000,
      hosting: { hardware: 'gpu', toMs: NOW },
    });
  });
});

describe('refusedByWindow', () => {
  it('takes events from exactly 400 days back to exactly 300 seconds ahead', () => {
    const refused = (occurredAt: number): boolean =>
      refusedByWindow(anEvent({ occurredAt }), WINDOW, NOW) !== null;

    expect(refused(NOW - 400 * DAY_MS)).toBe(false);
    expect(refused(NOW - 400 * DAY_MS - 1)).toBe(true);
    expect(refused(NOW + 300_000)).toBe(false);
    expect(refused(NOW + 300_001)).toBe(true);
  });

  it('takes a period that ends now, and none that ends later', () => {
    expect(refusedByWindow(aPeriod(), WINDOW, NOW)).toBeNull();
    expect(refusedByWindow(aPeriod({ to: NOW + 1 }), WINDOW, NOW)?.code).toBe('OUTSIDE_WINDOW');
  });
});

describe('refusedByKind', () => {
  const model = { resourceKind: null, resourceExternalId: null, modelExternalId: 'llama' };

  it.each([
    ['WORKFLOW_RUN of a workflow', run, true],
    ['WORKFLOW_RUN of a guardrail', { ...run, resourceKind: 'GUARDRAIL' }, false],
    ['PROCESSING of a guardrail', {}, true],
    ['PROCESSING of a workflow', { resourceKind: 'WORKFLOW' }, false],
    ['PROCESSING of a model', model, false],
    ['STORAGE of a model', { ...model, type: 'STORAGE' }, true],
    ['FINE_TUNING of a model', { ...model, type: 'FINE_TUNING' }, true],
    [
      'FINE_TUNING of a model deployment',
      { type: 'FINE_TUNING', resourceKind: 'MODEL_DEPLOYMENT' },
      false,
    ],
  ])('judges %s', (_case, changes, isTaken) => {
    expect(refusedByKind(anEvent(changes)) === null).toBe(isTaken);
  });

  it('says that workflows are counted in runs', () => {
    expect(refusedByKind(anEvent({ resourceKind: 'WORKFLOW' }))?.message).toContain(
      'counted in runs',
    );
  });
});

describe('differences', () => {
  const recorded = {
    type: 'PROCESSING',
    kind: 'GUARDRAIL',
    subjectId: 4,
    quantity: 1,
    unit: null,
    creditsMicro: 250_000n,
    occurredAtMs: NOW,
    endedAtMs: null,
    hardwareId: null,
  } as const;
  const found = { subjectId: 4, hardwareId: null };

  it('finds none in the same content, however it is spelled', () => {
    const spelled = anEvent({
      credits: '0.250000',
      quantity: null,
      occurredAt: '2026-03-10T12:00:00.0009Z',
    });

    expect(differences(recorded, spelled, found)).toEqual([]);
  });

  it('names each field that differs', () => {
    const other = anEvent({ credits: '0.250001', quantity: 2, occurredAt: NOW + 1 });

    expect(differences(recorded, other, { ...found, subjectId: null })).toEqual([
      'resource',
      'quantity',
      'credits',
      'occurredAt',
    ]);
  });

  it('tells units apart by each letter, and none from any', () => {
    const pages = { ...recorded, unit: 'pages' };

    expect(differences(pages, anEvent({ unit: 'pages' }), found)).toEqual([]);
    expect(differences(pages, anEvent({ unit: 'Pages' }), found)).toEqual(['unit']);
    expect(differences(pages, anEvent(), found)).toEqual(['unit']);
    expect(differences(recorded, anEvent({ unit: 'pages' }), found)).toEqual(['unit']);
  });

  it('tells a period from an event by its type alone', () => {
    expect(differences(recorded, aPeriod(), found)).toEqual(['type']);
  });
});
