import { Arg, Ctx, Field, Float, InputType, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import type { CatalogueService } from './catalogue.service.ts';
import { hardwareNode, HardwareProfileType } from './catalogue.types.ts';
import { hardwareKinds, type CreateHardwareProfileRequest, type HardwareKind } from './rates.ts';
import { Cost } from '../graphql/field-extensions.ts';

@InputType('CreateHardwareProfileInput')
class CreateHardwareProfileInput implements CreateHardwareProfileRequest {
  @Field(() => String) readonly name!: string;
  @Field(() => hardwareKinds) readonly kind!: HardwareKind;
  @Field(() => String) readonly model!: string;
  @Field(() => Int) readonly vcpus!: number;
  @Field(() => Int, { nullable: true, defaultValue: 0 }) readonly gpus?: number | null;
  @Field(() => Float) readonly memoryGb!: number;
  @Field(() => CreditsScalar, {
    description: 'Credits an hour for one replica; from 0 to 1,000,000.',
  })
  readonly creditsPerHour!: string;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the first rate takes effect. Default: 1970-01-01T00:00:00.000Z.',
  })
  readonly effectiveFrom?: number | null;
}

@Resolver(() => HardwareProfileType)
export class CatalogueResolver {
  constructor(private readonly catalogue: CatalogueService) {}

  @Cost(5)
  @Query(() => [HardwareProfileType], { description: 'All hardware profiles, ordered by name.' })
  async hardwareProfiles(@Ctx() context: RequestContext): Promise<readonly HardwareProfileType[]> {
    const priced = await this.catalogue.list(context.actor, await context.reader());
    return priced.map(({ profile, rates }) => hardwareNode(profile, rates, context.nowMs));
  }

  @Cost(20)
  @Mutation(() => HardwareProfileType, {
    description:
      'The same input again returns the first profile. The same name with another input is CONFLICT.',
  })
  async createHardwareProfile(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateHardwareProfileInput) input: CreateHardwareProfileInput,
  ): Promise<HardwareProfileType> {
    const { profile, rates } = await this.catalogue.createProfile(context.actor, input);
    return hardwareNode(profile, rates, context.nowMs);
  }
}
