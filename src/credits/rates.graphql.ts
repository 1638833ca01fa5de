import { Arg, Ctx, Field, InputType, Mutation, Resolver } from 'type-graphql';
import { hardwareNode, HardwareProfileType } from '../catalogue/catalogue.types.ts';
import type { SetHardwareRateRequest } from '../catalogue/rates.ts';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import type { RatesService } from './rates.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

@InputType('SetHardwareRateInput')
class SetHardwareRateInput implements SetHardwareRateRequest {
  @Field(() => String, { description: "The profile's name." }) readonly hardware!: string;
  @Field(() => CreditsScalar, {
    description: 'Credits an hour for one replica; from 0 to 1,000,000.',
  })
  readonly creditsPerHour!: string;
  @Field(() => DateTimeScalar, { nullable: true }) readonly effectiveFrom?: number | null;
}

@Resolver()
export class RatesResolver {
  constructor(private readonly rates: RatesService) {}

  @Cost(20)
  @Mutation(() => HardwareProfileType, {
    description:
      'The rate takes effect at `effectiveFrom`: by default a minute from now, at least ten seconds ahead. Running deployments change their rate at that instant. A second rate for the same instant replaces the first.',
  })
  async setHardwareRate(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetHardwareRateInput) input: SetHardwareRateInput,
  ): Promise<HardwareProfileType> {
    const { profile, rates } = await this.rates.setRate(context.actor, input);
    return hardwareNode(profile, rates, context.nowMs);
  }
}
