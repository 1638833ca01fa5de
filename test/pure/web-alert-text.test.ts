import { describe, expect, it } from '@jest/globals';
import type { AlertWithCausePartsFragment } from '@billing-gateway/client/operations';
import { figuresOf } from '../../web/figures/figures.ts';
import { alertState, alertText } from '../../web/live/alert-text.ts';
import { de } from '../../web/words/de.ts';
import { en } from '../../web/words/en.ts';

const ALERT: AlertWithCausePartsFragment = {
  id: 'alert',
  sequence: 7,
  cursor: 'cursor',
  kind: 'LOW_CREDITS',
  crossedAt: '2026-11-28T12:00:00.000Z',
  raisedAt: '2026-11-28T12:00:00.000Z',
  remaining: '1234.5',
  percentUsed: 75.25,
  runsRemaining: null,
  measured: null,
  message: 'The gateway’s own sentence.',
  threshold: null,
  resolves: null,
};

type Threshold = NonNullable<AlertWithCausePartsFragment['threshold']>;

function threshold(measure: Threshold['measure'], value: string): Threshold {
  return { id: 'threshold', measure, value };
}

const english = figuresOf('en-GB', 'UTC');
const german = figuresOf('de-DE', 'UTC');
const say = (change: Partial<AlertWithCausePartsFragment>): string =>
  // Spaces that do not break are spaces to a reader.
  alertText(en, english, { ...ALERT, ...change }).replaceAll('\u00a0', ' ');
const sage = (change: Partial<AlertWithCausePartsFragment>): string =>
  alertText(de, german, { ...ALERT, ...change }).replaceAll('\u00a0', ' ');

const CREDITS_LEFT = threshold('CREDITS_REMAINING', '100');
const CREDITS_USED = threshold('CREDITS_USED_PERCENT', '75');
const RUNS_USED = threshold('RUNS_USED_PERCENT', '80.5');

describe('what an alert says', () => {
  it.each<[string, Partial<AlertWithCausePartsFragment>]>([
    ['Credits are low: 1,234.50 left. New deployments are refused.', {}],
    ['The credits are used up. New deployments are refused.', { kind: 'CREDITS_EXHAUSTED' }],
    [
      'The negative limit was reached at -10.00 credits. Running deployments were stopped.',
      { kind: 'NEGATIVE_LIMIT_REACHED', remaining: '-10' },
    ],
    [
      'Credits left fell to 100.00.',
      { kind: 'CREDIT_THRESHOLD', threshold: CREDITS_LEFT, remaining: '100' },
    ],
    [
      'Credits left fell below 100.00: 87.66 left.',
      { kind: 'CREDIT_THRESHOLD', threshold: CREDITS_LEFT, remaining: '87.655' },
    ],
    [
      '75% of the credits are used: 1,234.50 left.',
      { kind: 'CREDIT_THRESHOLD', threshold: CREDITS_USED },
    ],
    [
      '80.5% of the workflow runs are used: 195 left.',
      { kind: 'RUN_THRESHOLD', threshold: RUNS_USED, runsRemaining: 195 },
    ],
    [
      'At this burn, deployments are stopped in 23.5 h.',
      { kind: 'STOP_EXPECTED', threshold: threshold('HOURS_TO_STOP', '24'), measured: '23.5' },
    ],
    [
      // 0.06 × 60 = 3.6 minutes
      'At this burn, deployments are stopped in 4 min.',
      { kind: 'STOP_EXPECTED', threshold: threshold('HOURS_TO_STOP', '1'), measured: '0.06' },
    ],
    ['At this burn, deployments are stopped soon.', { kind: 'STOP_EXPECTED' }],
    // Their threshold was deleted since.
    ['A warning level was reached: 1,234.50 credits left.', { kind: 'CREDIT_THRESHOLD' }],
    [
      'A warning level was reached: 12 workflow runs left.',
      { kind: 'RUN_THRESHOLD', runsRemaining: 12 },
    ],
  ])('%s', (sentence, change) => {
    expect(say(change)).toBe(sentence);
  });

  it('is in the reader’s language, and with its figures', () => {
    expect(sage({})).toBe(
      'Die Credits sind knapp: 1.234,50 übrig. Neue Deployments werden abgelehnt.',
    );
    expect(sage({ kind: 'CREDIT_THRESHOLD', threshold: CREDITS_LEFT, remaining: '87.655' })).toBe(
      'Die übrigen Credits sind unter 100,00 gefallen: 87,66 übrig.',
    );
    expect(sage({ kind: 'RUN_THRESHOLD', threshold: RUNS_USED, runsRemaining: 195 })).toBe(
      '80,5 % der Workflow-Läufe sind verbraucht: 195 übrig.',
    );
  });
});

describe('what the end of an alert says', () => {
  const resolved = (
    kind: NonNullable<AlertWithCausePartsFragment['resolves']>['kind'],
    change: Partial<AlertWithCausePartsFragment> = {},
  ): string =>
    say({ kind: 'RESOLVED', resolves: { id: 'resolved', sequence: 3, kind }, ...change });

  it('names the limit that no longer holds', () => {
    expect(resolved('LOW_CREDITS')).toBe('Credits are no longer low: 1,234.50 left.');
    expect(resolved('CREDITS_EXHAUSTED')).toBe('There are credits again: 1,234.50 left.');
    expect(resolved('NEGATIVE_LIMIT_REACHED')).toBe(
      'The balance is above the negative limit again: 1,234.50 credits left.',
    );
    expect(resolved('STOP_EXPECTED')).toBe(
      'No stop of deployments is near any more: 1,234.50 credits left.',
    );
  });

  it('names the measure of the warning that no longer holds', () => {
    expect(resolved('CREDIT_THRESHOLD', { threshold: CREDITS_LEFT })).toBe(
      'Credits left are above 100.00 again: 1,234.50 left.',
    );
    expect(resolved('CREDIT_THRESHOLD', { threshold: CREDITS_USED })).toBe(
      'Less than 75% of the credits are used again: 1,234.50 left.',
    );
    expect(resolved('RUN_THRESHOLD', { threshold: RUNS_USED, runsRemaining: 900 })).toBe(
      'Less than 80.5% of the workflow runs are used again: 900 left.',
    );
    expect(resolved('CREDIT_THRESHOLD')).toBe('A warning no longer holds: 1,234.50 credits left.');
    expect(resolved('RUN_THRESHOLD', { runsRemaining: 900 })).toBe(
      'A warning no longer holds: 900 workflow runs left.',
    );
  });
});

it('has the colour of the state that it tells of', () => {
  expect(alertState('RESOLVED')).toBe('OK');
  expect(alertState('RUN_THRESHOLD')).toBe('LOW');
  expect(alertState('CREDITS_EXHAUSTED')).toBe('EXHAUSTED');
  expect(alertState('NEGATIVE_LIMIT_REACHED')).toBe('STOPPED');
});
