// The Credits tab: what its figures lead to, and what it says of them.

import { describe, expect, it } from '@jest/globals';
import type { AllocationPartsFragment } from '@billing-gateway/client/operations';
import { partedAllocations, stateOf } from '../../web/credits/allocations.ts';
import { type Entry, entryText } from '../../web/credits/entry-text.ts';
import { accruedOf, byCycle, hasCharges, KINDS, termOf } from '../../web/credits/kinds.ts';
import {
  difference,
  missingCredits,
  outlookOf,
  type QuoteAnswer,
  shiftOf,
} from '../../web/credits/quote.ts';
import { deploymentsOf } from '../../web/credits/running.ts';
import { figuresOf } from '../../web/figures/figures.ts';
import { LANGUAGES } from '../../web/words/words.ts';

const NOW = '2026-11-16T09:30:00.000Z';
const NOW_MS = Date.parse(NOW);
const english = figuresOf('en-GB', 'Europe/Berlin');
const german = figuresOf('de-DE', 'Europe/Berlin');

describe('an allocation', () => {
  const allocation = (more: Partial<AllocationPartsFragment>): AllocationPartsFragment => ({
    id: 'a',
    unit: 'CREDITS',
    source: 'PLAN',
    amount: '100',
    priority: 100,
    effectiveAt: '2026-11-01T00:00:00.000Z',
    expiresAt: null,
    everyCycle: false,
    voidedAt: null,
    remaining: '0.000001',
    note: null,
    createdAt: '2026-11-01T00:00:00.000Z',
    ...more,
  });

  it('is open until nothing is left of it', () => {
    expect(stateOf(allocation({}), NOW_MS)).toBe('LIVE');
    expect(stateOf(allocation({ remaining: '0' }), NOW_MS)).toBe('SPENT');
  });

  it('can be spent from its start until just before its end', () => {
    expect(stateOf(allocation({ effectiveAt: NOW }), NOW_MS)).toBe('LIVE');
    expect(stateOf(allocation({ effectiveAt: NOW }), NOW_MS - 1)).toBe('COMING');
    expect(stateOf(allocation({ expiresAt: NOW }), NOW_MS - 1)).toBe('LIVE');
    expect(stateOf(allocation({ expiresAt: NOW }), NOW_MS)).toBe('EXPIRED');
  });

  it('is voided, whatever else it is', () => {
    expect(
      stateOf(allocation({ voidedAt: NOW, effectiveAt: '2027-01-01T00:00:00Z' }), NOW_MS),
    ).toBe('VOIDED');
  });

  it('stands in the order in which the gateway spends: priority, expiry, creation', () => {
    const all = [
      allocation({ id: 'spent', remaining: '0' }),
      allocation({ id: 'runs', unit: 'WORKFLOW_RUNS', priority: 1 }),
      allocation({ id: 'coming', effectiveAt: '2026-12-01T00:00:00Z', priority: 1 }),
      allocation({ id: 'never expires' }),
      allocation({ id: 'expires, newer', expiresAt: '2026-12-01T00:00:00Z', createdAt: NOW }),
      allocation({ id: 'expires', expiresAt: '2026-12-01T00:00:00Z' }),
      allocation({ id: 'expires later', expiresAt: '2026-12-01T00:00:01Z' }),
      allocation({ id: 'first', priority: 10 }),
      allocation({ id: 'voided', voidedAt: NOW }),
    ];
    const { open, ended } = partedAllocations(all, NOW_MS);
    expect(open.map(({ id }) => id)).toEqual([
      'first',
      'expires',
      'expires, newer',
      'expires later',
      'never expires',
      'coming',
      'runs',
    ]);
    expect(ended.map(({ id }) => id)).toEqual(['spent', 'voided']);
  });
});

describe('the ledger', () => {
  it('opens entries that charged something', () => {
    expect(KINDS.filter(hasCharges)).toEqual(['USAGE', 'REVERSAL']);
  });

  it('groups neighbours of one cycle in their order', () => {
    const entry = (id: string, cycleId: string): { id: string; cycle: { id: string } } => ({
      id,
      cycle: { id: cycleId },
    });
    const groups = byCycle([entry('5', 'nov'), entry('4', 'nov'), entry('3', 'oct')]);
    expect(groups.map(({ cycleId, entries }) => [cycleId, entries.map(({ id }) => id)])).toEqual([
      ['nov', ['5', '4']],
      ['oct', ['3']],
    ]);
    expect(byCycle([])).toEqual([]);
  });

  it('says what runs has cost since it was last booked, to the millionth', () => {
    const account = {
      ledger: { nodes: [{ balance: '200' }, { balance: '132.26' }] },
      credits: { remaining: '87.439999', asOf: NOW },
      usage: { range: { to: NOW } },
    };
    expect(accruedOf(account)).toBe('-44.820001');
    // In debt, what runs takes the balance further down.
    expect(
      accruedOf({
        ...account,
        credits: { remaining: '-3', asOf: NOW },
        ledger: { nodes: [{ balance: '-1' }] },
      }),
    ).toBe('-2');
  });

  it('says nothing of it where the newest entry is not shown, or nothing runs', () => {
    const account = {
      ledger: { nodes: [{ balance: '10' }] },
      credits: { remaining: '9', asOf: NOW },
      usage: { range: { to: '2026-11-16T09:29:59.999Z' } },
    };
    expect(accruedOf(account)).toBeNull();
    const range = { range: { to: NOW } };
    expect(accruedOf({ ...account, usage: range, ledger: { nodes: [] } })).toBeNull();
    expect(
      accruedOf({ ...account, usage: range, credits: { remaining: '10', asOf: NOW } }),
    ).toBeNull();
  });
});

describe('a term of the equation', () => {
  it('has one sign', () => {
    expect(termOf('+', '-8.5')).toEqual({ sign: '−', value: '8.5' });
    expect(termOf('−', '-0.000001')).toEqual({ sign: '+', value: '0.000001' });
    expect(termOf('+', '8.5')).toEqual({ sign: '+', value: '8.5' });
    expect(termOf('−', '0')).toEqual({ sign: '−', value: '0' });
    expect(termOf('', '-12')).toEqual({ sign: '', value: '-12' });
    expect(termOf('=', '-12')).toEqual({ sign: '=', value: '-12' });
  });
});

describe('what an entry says', () => {
  const plan = {
    id: 'x',
    source: 'PLAN',
    effectiveAt: '2026-10-07T00:00:00Z',
    note: 'Team plan',
  } as const;
  const entry = (more: Partial<Entry>): Entry => ({
    id: 'e',
    sequence: 1,
    kind: 'USAGE',
    amount: '-1',
    balance: '9',
    bookedAt: NOW,
    recordedAt: NOW,
    description: 'as the gateway says',
    cycle: { id: 'c', startsAt: '2026-10-06T22:00:00Z', endsAt: '2026-11-06T23:00:00Z' },
    allocation: null,
    charges: { totalCount: 0, nodes: [] },
    ...more,
  });
  const event = { quantity: 1400, unit: 'pages', type: 'PROCESSING' } as const;
  const charge = {
    resource: { name: 'Invoices' },
    model: null,
    event: null,
    segment: null,
  } as const;
  const said = (more: Partial<Entry>): readonly string[] => [
    entryText(LANGUAGES.en, english, entry(more)),
    entryText(LANGUAGES.de, german, entry(more)),
  ];

  it('names what one charge was for', () => {
    const one = { totalCount: 1, nodes: [{ ...charge, event }] };
    expect(said({ charges: one })).toEqual(['1,400 pages: Invoices', '1.400 pages: Invoices']);
    const job = {
      totalCount: 1,
      nodes: [{ ...charge, event: { ...event, quantity: 1, unit: 'jobs' } }],
    };
    expect(said({ charges: job })[0]).toBe('1 × jobs: Invoices');
    expect(said({ kind: 'REVERSAL', charges: one })).toEqual([
      'Taken back: 1,400 pages, Invoices',
      'Storniert: 1.400 pages, Invoices',
    ]);
    const segment = { totalCount: 1, nodes: [{ ...charge, segment: { replicas: 2 } }] };
    expect(said({ charges: segment })).toEqual(['Hosting: Invoices', 'Hosting: Invoices']);
  });

  it('names an event without a unit by its type, and that of a model by the model', () => {
    const tuning = {
      ...charge,
      resource: null,
      model: { name: 'Mistral' },
      event: { quantity: 1, unit: null, type: 'FINE_TUNING' },
    } as const;
    expect(said({ charges: { totalCount: 1, nodes: [tuning] } })).toEqual([
      'Fine-tuning: Mistral',
      'Feinabstimmung: Mistral',
    ]);
  });

  it('counts what many charges were for', () => {
    const events = { totalCount: 1045, nodes: [{ ...charge, event }] };
    expect(said({ charges: events })).toEqual(['1,045 usage events', '1.045 Nutzungsereignisse']);
    const segments = { totalCount: 3, nodes: [{ ...charge, segment: { replicas: 2 } }] };
    expect(said({ kind: 'REVERSAL', charges: segments })).toEqual([
      'Hosting that ended earlier, 3 segments',
      'Früher beendetes Hosting, 3 Abschnitte',
    ]);
  });

  it('names an allocation, and what is left of it when it ends', () => {
    expect(said({ kind: 'ALLOCATION', allocation: plan })).toEqual([
      'Plan: Team plan',
      'Tarif: Team plan',
    ]);
    expect(said({ kind: 'EXPIRY', allocation: { ...plan, note: null } })).toEqual([
      'Left of Plan, from 7 Oct 2026',
      'Rest von Tarif, ab 7. Okt. 2026',
    ]);
  });

  it('names the cycle that ends, in the days of the zone', () => {
    expect(said({ kind: 'CARRY_OVER', amount: '0' })).toEqual([
      'End of the cycle 7 Oct 2026 – 7 Nov 2026',
      'Ende des Zyklus 7. Okt. 2026 – 7. Nov. 2026',
    ]);
  });

  it('says the reason of an adjustment as it was written', () => {
    expect(said({ kind: 'ADJUSTMENT', description: 'Kulanz' })).toEqual(['Kulanz', 'Kulanz']);
  });
});

describe('a quote', () => {
  const answer = (
    quote: Partial<QuoteAnswer['quote']>,
    credits: QuoteAnswer['account']['credits'] = { remaining: '50', state: 'OK' },
  ): QuoteAnswer => ({
    quote: {
      creditsPerHour: '0.5',
      allowed: true,
      message: null,
      currentStopsAt: null,
      projectedStopsAt: null,
      projectedExhaustsAt: null,
      ...quote,
    },
    account: { id: 'a', credits, creditPolicy: { lowCredit: '20' } },
  });

  it('forecasts the stop and the end of the credits', () => {
    const at = { currentStopsAt: NOW, projectedStopsAt: NOW, projectedExhaustsAt: NOW };
    expect(outlookOf(answer(at))).toEqual({
      stopNow: { at: NOW },
      stopThen: { at: NOW },
      usedUpThen: { at: NOW },
    });
  });

  it('says that there is no stop only where there is none', () => {
    expect(outlookOf(answer({}))).toEqual({
      stopNow: { without: 'NO_STOP' },
      stopThen: { without: 'NO_STOP' },
      usedUpThen: { without: 'LASTS' },
    });
  });

  it('knows nothing of what would be refused, but when the stop is without it', () => {
    const low = { remaining: '3', state: 'LOW' } as const;
    expect(outlookOf(answer({ allowed: false, currentStopsAt: NOW }, low))).toEqual({
      stopNow: { at: NOW },
      stopThen: { without: 'UNKNOWN' },
      usedUpThen: { without: 'UNKNOWN' },
    });
  });

  it('says what has come to pass already', () => {
    const stopped = { remaining: '-10', state: 'STOPPED' } as const;
    expect(outlookOf(answer({ allowed: false }, stopped)).stopNow).toEqual({ without: 'STOPPED' });
    // Scaling down is allowed in debt.
    const usedUp = { remaining: '0', state: 'EXHAUSTED' } as const;
    expect(outlookOf(answer({ projectedStopsAt: NOW }, usedUp))).toMatchObject({
      stopThen: { at: NOW },
      usedUpThen: { without: 'USED_UP' },
    });
  });

  it('says how many credits are missing: more than the low limit must be left', () => {
    const account = (remaining: string): QuoteAnswer['account'] =>
      answer({}, { remaining, state: 'LOW' }).account;
    expect(missingCredits(account('20'))).toBe('0.000001');
    expect(missingCredits(account('-10.5'))).toBe('30.500001');
  });

  it('compares the price and the stop with those of now', () => {
    expect(difference('0.025', '0.05')).toBe('-0.025');
    const from = { at: '2026-11-03T02:42:51.480Z' };
    expect(shiftOf(from, { at: '2026-11-01T00:41:51.480Z' })).toEqual({
      isSooner: true,
      time: 'PT50H1M',
    });
    expect(shiftOf(from, { at: '2026-11-03T02:43:51.480Z' })).toEqual({
      isSooner: false,
      time: 'PT0H1M',
    });
    expect(shiftOf(from, { at: '2026-11-03T02:43:51.479Z' })).toBeNull();
    expect(shiftOf(from, { without: 'UNKNOWN' })).toBeNull();
    expect(shiftOf({ without: 'NO_STOP' }, from)).toBeNull();
  });

  it('replaces only what runs', () => {
    const hosting = { hardware: { name: 'small' }, replicas: 2, creditsPerHour: '7.2' };
    const resource = { id: 'r', name: 'Invoices', kind: 'OCR_DEPLOYMENT' } as const;
    expect(
      deploymentsOf([
        { resource: { ...resource, hosting } },
        { resource: { ...resource, hosting: null } },
        { resource: null },
      ]),
    ).toEqual([
      { id: 'r', name: 'Invoices', hardware: 'small', replicas: 2, creditsPerHour: '7.2' },
    ]);
  });
});

describe('hours', () => {
  it('stand in the reader’s digits', () => {
    expect(english.hours('24.00')).toBe('24\u00a0h');
    expect(german.hours('1.5')).toBe('1,5\u00a0h');
  });
});
