// What the address chooses, as the API takes it.

import type {
  DateRangeInput,
  DateRangePreset,
  Granularity,
} from '@billing-gateway/client/operations';
import type { GranularityChoice, Preset, RangeChoice } from './address.ts';

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
