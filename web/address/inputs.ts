// What the address chooses, as the API takes it.

import type {
  DateRangeInput,
  DateRangePreset,
  Granularity,
} from '@billing-gateway/client/operations';
import {
  type Address,
  type GranularityChoice,
  hasDays,
  type Preset,
  type RangeChoice,
} from './address.ts';

const PRESETS: Record<Preset, DateRangePreset> = {
  '24h': 'LAST_24_HOURS',
  '7d': 'LAST_7_DAYS',
  '30d': 'LAST_30_DAYS',
  '90d': 'LAST_90_DAYS',
  cycle: 'CURRENT_CYCLE',
  'last-cycle': 'PREVIOUS_CYCLE',
};

/** The range of the address as the API takes it. */
export function rangeInput(range: RangeChoice, timeZone: string | null): DateRangeInput {
  const zone = timeZone === null ? {} : { timeZone };
  switch (range.kind) {
    case 'preset':
      return { preset: PRESETS[range.preset], ...zone };
    case 'days':
      return { fromDay: range.from, toDay: range.to, ...zone };
    case 'instants':
      return { from: whole(range.from), to: whole(range.to), ...zone };
  }
}

// An address may leave out the seconds of an instant; the API takes them whole.
function whole(instant: string): string {
  return new Date(instant).toISOString();
}

const GRANULARITIES: Record<GranularityChoice, Granularity> = {
  hour: 'HOUR',
  day: 'DAY',
  week: 'WEEK',
  month: 'MONTH',
};

/** The granularity of the address as the API takes it. */
export function granularityInput(choice: GranularityChoice | null): Granularity {
  return choice === null ? 'AUTO' : GRANULARITIES[choice];
}

/** The most buckets that the API gives, and how many days the shortest bucket of each granularity has. */
const BUCKETS_MAX = 2_500;
const DAYS: Record<GranularityChoice, number> = { hour: 1 / 24, day: 1, week: 7, month: 28 };

/**
 * The granularity of the address; null, which is automatic, where the range has grown to more buckets of it than the API gives. The
 * first and the last bucket may be partial ones.
 */
export function fittingGranularity({
  granularity,
  range,
}: Pick<Address, 'granularity' | 'range'>): GranularityChoice | null {
  if (granularity === null) return null;
  return hasDays(range, (BUCKETS_MAX - 1) * DAYS[granularity]) ? null : granularity;
}
