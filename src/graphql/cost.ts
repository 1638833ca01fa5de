import { Extensions } from 'type-graphql';
import type { FieldCost } from './query-size.ts';

/** In the extensions of a subscription's field: its answers depend on nothing but the event and the operation. */
export const SHARED_ANSWERS = 'sharedAnswers';

/** What the field below it costs, in points; docs/limits.md has the table. */
export function Cost(
  weight: number,
  more: Omit<FieldCost, 'weight'> = {},
): MethodDecorator & PropertyDecorator {
  return Extensions({ cost: { weight, ...more } satisfies FieldCost });
}

type ValueOf = (name: string) => unknown;

const POINTS_OF_GRANULARITY: Readonly<Record<string, number>> = {
  AUTO: 50,
  HOUR: 200,
  DAY: 100,
  WEEK: 50,
  MONTH: 30,
};

/** Of a trend: the finer its buckets, the more they may be. */
export function costOfBuckets(valueOf: ValueOf): number {
  const granularity = valueOf('granularity');
  return typeof granularity === 'string' ? (POINTS_OF_GRANULARITY[granularity] ?? 0) : 0;
}
