import { Field, Int, ObjectType } from 'type-graphql';
import { type CreditState, creditStates } from '../engine/limits.ts';
import { CreditsScalar } from '../graphql/scalars.ts';
import type { FleetTotals, StateTotals } from './fleet.ts';

@ObjectType({ simpleResolvers: true })
abstract class Sums {
  @Field(() => Int) readonly accounts!: number;
  @Field(() => CreditsScalar, { description: 'Sum of `remaining`; debts are taken off.' })
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
  description: 'What all accounts of a list add up to, whatever page is shown.',
})
export class FleetTotalsType extends Sums {
  @Field(() => CreditsScalar, { description: 'What accounts in debt owe together, above zero.' })
  readonly owed!: bigint;
  @Field(() => Int, { description: 'Accounts whose `burnRatePerHour` is above zero.' })
  readonly burning!: number;
  @Field(() => [FleetStateTotalsType], { description: 'One for each state, from well to worst.' })
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
