// The arguments of `accounts`, and how they are checked.

import { ArgsType, Field, InputType, Int, registerEnumType } from 'type-graphql';
import { conditionOf, parseWithin } from '../core/check.ts';
import {
  type CursorKey,
  orderDirections,
  type OrderDirection,
  ROWS_PER_PAGE_MAX,
} from '../core/cursor.ts';
import { UserInputError } from '../core/errors.ts';
import { foldText, parseStorable } from '../core/text.ts';
import { type CreditState, creditStates } from '../engine/limits.ts';
import { Page25, parseCursor } from '../graphql/page.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import { type AccountOrderField, accountOrderFields, type FleetQuestion } from './fleet.ts';

registerEnumType(accountOrderFields, {
  name: 'AccountOrderField',
  valuesConfig: {
    NAME: { description: 'Ignores letter case.' },
    STOPS_AT: { description: '`stopsAt`; accounts that will not be stopped come last.' },
    REMAINING: { description: '`remaining`' },
    BURN_RATE: { description: '`burnRatePerHour`' },
  },
});

@InputType('AccountOrder', { description: 'Accounts with equal values are ordered by id.' })
class AccountOrder {
  @Field(() => accountOrderFields) readonly field!: AccountOrderField;
  @Field(() => orderDirections, { nullable: true, defaultValue: 'ASC' })
  readonly direction?: OrderDirection | null;
}

@InputType('AccountFilter', {
  description: 'Conditions combine with AND. An empty list is no condition.',
})
class AccountFilter {
  @Field(() => String, {
    nullable: true,
    description: 'The same as the argument `search`; give only one of the two.',
  })
  readonly search?: string | null;
  @Field(() => [creditStates], { nullable: true })
  readonly states?: readonly CreditState[] | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'Selects accounts whose `stopsAt` is before this instant. A test account goes by its own time.',
  })
  readonly stopsBefore?: number | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'True selects test accounts only; false excludes them.',
  })
  readonly test?: boolean | null;
}

@ArgsType()
export class AccountsArgs extends Page25 {
  @Field(() => Int, {
    nullable: true,
    description: 'Returns the last rows instead of the first.',
  })
  readonly last?: number | null;
  @Field(() => String, { nullable: true }) readonly before?: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'A part of the name or the externalId. Ignores letter case: "strasse" finds "Straße".',
  })
  readonly search?: string | null;
  @Field(() => AccountFilter, { nullable: true }) readonly filter?: AccountFilter | null;
  @Field(() => AccountOrder, { nullable: true, description: 'Default: ordered by id.' })
  readonly orderBy?: AccountOrder | null;
}

/** The checked conditions of a list, and which of its rows to show. */
export interface AccountsRequest {
  readonly question: FleetQuestion;
  /** Whether the conditions or the order depend on positions. */
  readonly isOfPositions: boolean;
  readonly after: CursorKey | null;
  readonly before: CursorKey | null;
  readonly limit: number;
  readonly isFromEnd: boolean;
}

/** @throws BAD_USER_INPUT */
export function parseRequest(args: AccountsArgs): AccountsRequest {
  const question = parseQuestion(args);
  const { states, stopsBeforeMs, isTest, field } = question;
  const cursorOf = (name: 'after' | 'before'): CursorKey | null => {
    const cursor = args[name];
    return cursor == null ? null : parseCursor(cursor, [name]);
  };
  const isFromEnd = args.last != null;
  const limits = { min: 0, max: ROWS_PER_PAGE_MAX };
  return {
    question,
    isOfPositions: [states, stopsBeforeMs, isTest, field].some((condition) => condition !== null),
    after: cursorOf('after'),
    before: cursorOf('before'),
    limit: parseWithin(args.last ?? args.first ?? 25, limits, [isFromEnd ? 'last' : 'first']),
    isFromEnd,
  };
}

function parseQuestion(args: AccountsArgs): FleetQuestion {
  const { states, stopsBefore = null, test = null } = args.filter ?? {};
  const { field = null, direction } = args.orderBy ?? {};
  const wanted = conditionOf(states);
  return {
    search: parseSearch(args),
    states: wanted === null ? null : [...new Set(wanted)].sort(),
    stopsBeforeMs: stopsBefore,
    isTest: test,
    field,
    direction: direction ?? 'ASC',
  };
}

function parseSearch({ search, filter }: AccountsArgs): string | null {
  const inFilter = filter?.search ?? null;
  if (inFilter !== null && search != null) {
    throw new UserInputError('search is given twice: as an argument and in the filter.', {
      path: ['filter', 'search'],
    });
  }
  const text = inFilter ?? search ?? '';
  parseStorable(text, inFilter === null ? ['search'] : ['filter', 'search']);
  return text === '' ? null : foldText(text);
}
