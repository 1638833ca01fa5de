import { Ctx, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { hardwareLoader } from '../catalogue/catalogue.loaders.ts';
import { HardwareProfileType } from '../catalogue/catalogue.types.ts';
import type { RequestContext } from '../graphql/context.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import { HostedResourceType } from '../resources/resources.types.ts';
import { runningLoader } from './hosting.loaders.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

@ObjectType('Hosting', {
  simpleResolvers: true,
  description: 'What a deployed resource runs on, and what it costs.',
})
class HostingType {
  @Field(() => HardwareProfileType) readonly hardware!: HardwareProfileType;
  @Field(() => Int) readonly replicas!: number;
  @Field(() => DateTimeScalar, { description: 'When the resource was last deployed or scaled.' })
  readonly since!: number;
  @Field(() => CreditsScalar, { description: 'Credits an hour: replicas × the current rate.' })
  readonly creditsPerHour!: bigint;
}

@Resolver(() => HostedResourceType)
export class HostingResolver {
  @Cost(2)
  @Needs('READ_USAGE')
  @FieldResolver(() => HostingType, {
    nullable: true,
    description: 'What the resource runs on now; null when it is not deployed.',
  })
  async hosting(
    @Root() { resource }: HostedResourceType,
    @Ctx() context: RequestContext,
  ): Promise<HostingType | null> {
    if (resource.status !== 'DEPLOYED') return null;
    const running = await runningLoader(context).load(resource);
    if (running === null) return null;
    const hardware = await hardwareLoader(context).load(running.hardwareId);
    return {
      hardware,
      replicas: running.replicas,
      // The segment itself may have begun later, when the rate changed.
      since: resource.changedAtMs ?? running.fromMs,
      creditsPerHour: BigInt(running.replicas) * hardware.creditsPerHour,
    };
  }
}
