// A range of dates as callers write it.

import { Field, InputType, registerEnumType } from 'type-graphql';
import { DateTimeScalar, LocalDateScalar, TimeZoneScalar } from '../graphql/scalars.ts';
import { type DateRangePreset, dateRangePresets, type DateRangeRequest } from './range.ts';

registerEnumType(dateRangePresets, {
  name: 'DateRangePreset',
  valuesConfig: {
    LAST_24_HOURS: { description: '[now - 24 h, now)' },
    LAST_7_DAYS: {
      description:
        'Seven calendar days in the time zone, today included: [start of the day six days ago, now)',
    },
    CURRENT_CYCLE: { description: "The account's current billing cycle, up to now." },
    PREVIOUS_CYCLE: {
      description:
        'The whole previous billing cycle. Before the first cycle, the calendar continues backwards.',
    },
  },
});

@InputType('DateRangeInput', {
  description:
    'Give either `preset`, or `from` and `to` (`to` is exclusive), or `fromDay` and `toDay` (both inclusive); anything else is BAD_USER_INPUT. A range may end in the future: hosting counts up to now, and events that are dated ahead count.',
})
export class DateRangeInput implements DateRangeRequest {
  @Field(() => dateRangePresets, { nullable: true }) readonly preset?: DateRangePreset | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly from?: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly to?: number | null;
  @Field(() => LocalDateScalar, { nullable: true }) readonly fromDay?: string | null;
  @Field(() => LocalDateScalar, { nullable: true }) readonly toDay?: string | null;
  @Field(() => TimeZoneScalar, {
    nullable: true,
    description: "Determines where days, weeks and months start. Default: the account's time zone.",
  })
  readonly timeZone?: string | null;
}
