import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chargedMicro } from '../../src/hosting/charge.ts';
import { isRejection, type UsageEvent } from '../../src/recording/event.ts';
import { parseHostingPeriod, parseUsageEvent } from '../../src/recording/parse-event.ts';
import { admit, type AdmissionFacts, type BatchOutcome } from '../../src/recording/admission.ts';
import { HostedTimes } from '../../src/recording/periods.ts';

const NOW = Date.UTC(2026, 2, 10, 12);
const HOUR_MS = 3_600_000;
/** 10^12 credits: the most that an account records. */
const HELD_MICRO = 10n ** 18n;

function someFacts(changes: Partial<AdmissionFacts> = {}): AdmissionFacts {
  const rates = [
    { hardwareId: 1, fromMs: NOW - 100 * HOUR_MS, rateMicroPerHour: 3_600_000n },
    { hardwareId: 1, fromMs: NOW - 10 * HOUR_MS, rateMicroPerHour: 7_200_000n },
  ];
  return {
    accountId: 1,
    nowMs: NOW,
    window: { windowDays: 400, aheadSeconds: 300 },
    totals: { lastSeq: 10, quantity: 0n, creditsMicro: 0n },
    runsLeft: 10n ** 12n,
    recorded: new Map(),
    subjectIdOf: (subject) =>
      subject.by === 'externalId' && subject.externalId === 'known' ? 4 : null,
    profiles: new Map([['gpu', { hardwareId: 1, rates }]]),
    hosted: new HostedTimes([]),
    ...changes,
  };
}

function read(event: ReturnType<typeof parseUsageEvent>): UsageEvent {
  if (isRejection(event)) throw new Error(event.message);
  return event;
}

const on = { source: 's', resourceKind: 'GUARDRAIL', resourceExternalId: 'known' };

function anEvent(eventId: string, changes: object = {}): UsageEvent {
  const fields = { ...on, eventId, type: 'PROCESSING', occurredAt: NOW, credits: '1' };
  return read(parseUsageEvent({ ...fields, ...changes }, 1));
}

function aPeriod(eventId: string, from: number, to: number, changes: object = {}): UsageEvent {
  return read(parseHostingPeriod({ ...on, eventId, hardware: 'gpu', from, to, ...changes }, 1));
}

function codes(verdict: BatchOutcome): readonly string[] {
  return verdict.judged.map((one) => (one.outcome === 'ACCEPTED' ? 'ACCEPTED' : one.code));
}

describe('admit', () => {
  it('numbers what it accepts without gaps, in the order given', () => {
    const verdict = admit(
      [anEvent('a'), anEvent('b', { resourceExternalId: 'unknown' }), anEvent('c')],
      someFacts(),
    );

    expect(codes(verdict)).toEqual(['ACCEPTED', 'UNKNOWN_RESOURCE', 'ACCEPTED']);
    expect(verdict.events.map(({ eventId, seq }) => [eventId, seq])).toEqual([
      ['a', 11],
      ['c', 12],
    ]);
    expect(verdict.totals).toEqual({ lastSeq: 12, quantity: 2n, creditsMicro: 2_000_000n });
  });

  it('takes the hash of another identity for a conflict, whatever the content', () => {
    const event = anEvent('b');
    const [other] = admit([anEvent('a')], someFacts()).events;
    if (other === undefined) throw new Error('it is accepted');

    const verdict = admit([event], someFacts({ recorded: new Map([['s\0b', other]]) }));

    expect(verdict.judged).toEqual([
      {
        outcome: 'CONFLICT',
        code: 'CONFLICT',
        message:
          'This source and eventId have the same hash as those of another recorded event; send it under another eventId.',
      },
    ]);
    expect(verdict.events).toEqual([]);
  });

  it('lets the first of several events with one identity count', () => {
    const verdict = admit(
      [anEvent('a'), anEvent('a'), anEvent('a', { credits: '2' }), aPeriod('a', NOW - 1, NOW)],
      someFacts(),
    );

    expect(codes(verdict)).toEqual(['ACCEPTED', 'DUPLICATE', 'CONFLICT', 'CONFLICT']);
  });

  it('leaves a rejected identity free', () => {
    const verdict = admit(
      [anEvent('a', { resourceExternalId: 'unknown' }), anEvent('a')],
      someFacts(),
    );

    expect(codes(verdict)).toEqual(['UNKNOWN_RESOURCE', 'ACCEPTED']);
  });

  it('judges the identity before the window and before what the event names', () => {
    const [recorded] = admit([anEvent('a')], someFacts()).events;
    const later = someFacts({
      nowMs: NOW + 500 * 24 * HOUR_MS,
      recorded: new Map(recorded === undefined ? [] : [['s\0a', recorded]]),
    });

    expect(
      codes(
        admit([anEvent('a'), anEvent('a', { resourceExternalId: 'unknown' }), anEvent('b')], later),
      ),
    ).toEqual(['DUPLICATE', 'CONFLICT', 'OUTSIDE_WINDOW']);
  });

  it('takes credits and quantities up to the last unit that can be said, and not one more', () => {
    const full = { lastSeq: 0, quantity: 2n ** 53n - 3n, creditsMicro: HELD_MICRO - 1_000_000n };
    const verdict = admit(
      [
        anEvent('a', { credits: '1.000001' }),
        anEvent('b', { credits: '1' }),
        anEvent('c', { credits: '0.000001' }),
        anEvent('d', { credits: '0', quantity: 2 }),
        anEvent('e', { credits: '0', quantity: 1 }),
      ],
      someFacts({ totals: full }),
    );

    expect(codes(verdict)).toEqual([
      'LIMIT_EXCEEDED',
      'ACCEPTED',
      'LIMIT_EXCEEDED',
      'LIMIT_EXCEEDED',
      'ACCEPTED',
    ]);
    expect(verdict.totals).toEqual({
      lastSeq: 2,
      quantity: 2n ** 53n - 1n,
      creditsMicro: HELD_MICRO,
    });
  });

  it('takes as many workflow runs as can be held, and not one more', () => {
    const runs = (eventId: string, quantity: number): UsageEvent =>
      anEvent(eventId, {
        type: 'WORKFLOW_RUN',
        resourceKind: 'WORKFLOW',
        credits: null,
        quantity,
      });
    const verdict = admit(
      [runs('a', 8), runs('b', 3), runs('c', 2), runs('d', 1)],
      someFacts({ runsLeft: 10n, subjectIdOf: () => 1 }),
    );

    expect(codes(verdict)).toEqual(['ACCEPTED', 'LIMIT_EXCEEDED', 'ACCEPTED', 'LIMIT_EXCEEDED']);
  });

  it('divides a period where the rate changes', () => {
    const verdict = admit(
      [aPeriod('a', NOW - 11 * HOUR_MS, NOW - 9 * HOUR_MS, { replicas: 2 })],
      someFacts(),
    );

    // 2 replicas: an hour at 3.6 credits, then an hour at 7.2: 7.2 + 14.4.
    expect(verdict.segments.map((one) => chargedMicro(one, NOW))).toEqual([
      7_200_000n,
      14_400_000n,
    ]);
    expect(verdict.totals.creditsMicro).toBe(21_600_000n);
    expect(verdict.totals.quantity).toBe(0n);
  });

  it('refuses periods without hardware or rate', () => {
    const before = NOW - 100 * HOUR_MS;
    const verdict = admit(
      [
        aPeriod('a', NOW - 1, NOW, { hardware: 'tpu' }),
        aPeriod('b', before - 1, before + 5),
        aPeriod('c', before, before + 5),
      ],
      someFacts(),
    );

    expect(codes(verdict)).toEqual(['UNKNOWN_HARDWARE', 'NO_RATE', 'ACCEPTED']);
  });

  it('takes periods that touch, and names the hosting in the way of one that overlaps', () => {
    const running = { resourceId: 4, fromMs: NOW - 2 * HOUR_MS, toMs: null };
    const verdict = admit(
      [
        aPeriod('a', NOW - 4 * HOUR_MS, NOW - 3 * HOUR_MS),
        aPeriod('b', NOW - 3 * HOUR_MS, NOW - 2 * HOUR_MS),
        aPeriod('c', NOW - 3 * HOUR_MS - 1, NOW - 3 * HOUR_MS),
        aPeriod('d', NOW - HOUR_MS, NOW),
      ],
      someFacts({ hosted: new HostedTimes([running]) }),
    );

    expect(codes(verdict)).toEqual(['ACCEPTED', 'ACCEPTED', 'OVERLAP', 'OVERLAP']);
    expect(verdict.judged[2]).toMatchObject({
      message: expect.stringContaining('2026-03-10T08:00:00.000Z to 2026-03-10T09:00:00.000Z'),
    });
    expect(verdict.judged[3]).toMatchObject({ message: expect.stringContaining('still running') });
  });
});

describe('HostedTimes', () => {
  it('finds an overlap exactly where looking at every stretch finds one', () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 12 }))
      .map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 60 }), (ranges) => {
        const hosted = new HostedTimes([]);
        const kept: { fromMs: number; toMs: number }[] = [];
        for (const one of ranges) {
          const isFree = kept.every(({ fromMs, toMs }) => toMs <= one.fromMs || one.toMs <= fromMs);
          expect(hosted.findOverlap(4, one) === null).toBe(isFree);
          if (isFree) {
            kept.push(one);
            hosted.add(4, one);
          }
        }
      }),
    );
  });
});
