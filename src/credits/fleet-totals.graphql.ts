import { Field, Int, ObjectType } from 'type-graphql';
import { type CreditState, creditStates } from '../engine/limits.ts';
import { CreditsScalar } from '../graphql/scalars.ts';
import type { FleetTotals, StateTotals } from './fleet.ts';

@ObjectType({ simpleResolvers: true })
abstract class Sums {
  @Field(() => Int) readonly accounts!: number;
  @Field(() => CreditsScalar, { description: 'Sum of `remaining`, net of debts.' })
  readonly remaining!: bigint;
  @Field(() => CreditsScalar, { description: 'Sum of `burnRatePerHour`.' })
  readonly burnRatePerHour!: bigint;
}

@ObjectType('FleetStateTotals', { simpleResolvers: true })
class FleetStateTotalsType extends Sums {
  @Field(() => creditStates) readonly state!: CreditState;
}

@ObjectType('FleetTotals', {
  simpleResolvers: true,
  description: 'Totals over all accounts of a list, not only those of the page.',
})
export class FleetTotalsType extends Sums {
  @Field(() => CreditsScalar, { description: 'Sum of the debts, as a positive amount.' })
  readonly owed!: bigint;
  @Field(() => Int, { description: 'Accounts whose `burnRatePerHour` is above zero.' })
  readonly burning!: number;
  @Field(() => [FleetStateTotalsType], { description: 'One entry for each state, best first.' })
  readonly byState!: readonly FleetStateTotalsType[];
}

/** Totals as the API shows them. */
export function totalsNode(totals: FleetTotals): FleetTotalsType {
  const { owedMicro, burning, byState } = totals;
  return {
    ...sumsNode(totals),
    owed: owedMicro,
    burning,
    byState: Object.values(creditStates).map((state) => ({ state, ...sumsNode(byState[state]) })),
  };
}

function sumsNode({ accounts, remainingMicro, burnMicroPerHour }: StateTotals): {
  readonly accounts: number;
  readonly remaining: bigint;
  readonly burnRatePerHour: bigint;
} {
  return { accounts, remaining: remainingMicro, burnRatePerHour: burnMicroPerHour };
}
