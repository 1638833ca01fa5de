import {
  Arg,
  Ctx,
  Field,
  Float,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { invariant } from '../core/errors.ts';
import { encodeId, unknownId } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import { Key, type RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { NodeType } from '../graphql/node.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import { loadCatalogue, type CatalogueService } from './catalogue.service.ts';
import {
  hardwareKinds,
  rateAt,
  ratesOf,
  type CreateHardwareProfileRequest,
  type HardwareKind,
  type HardwareProfile,
  type HardwareRate,
} from './rates.ts';

registerEnumType(hardwareKinds, { name: 'HardwareKind' });

@ObjectType('HardwareRate', {
  simpleResolvers: true,
  description:
    'A rate never changes after it took effect; usage keeps the rate of its own instant.',
})
export class HardwareRateType {
  @Field(() => CreditsScalar, { description: 'For one replica.' })
  readonly creditsPerHour!: bigint;
  @Field(() => DateTimeScalar) readonly effectiveFrom!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the next rate takes effect; null for the last one.',
  })
  readonly effectiveTo!: number | null;
}

@ObjectType('HardwareProfile', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'A kind of machine that resources are deployed on.',
})
export class HardwareProfileType extends NodeType {
  @Field(() => String, { description: 'Unique, e.g. "gpu-a100-80gb" or "cpu-4-16".' })
  readonly name!: string;
  @Field(() => hardwareKinds) readonly kind!: HardwareKind;
  @Field(() => String, { description: 'Name of the processor or accelerator: "A100 80GB".' })
  readonly model!: string;
  @Field(() => Int, { description: 'vCPUs of one replica.' }) readonly vcpus!: number;
  @Field(() => Int, { description: 'GPUs of one replica.' }) readonly gpus!: number;
  @Field(() => Float) readonly memoryGb!: number;
  @Field(() => CreditsScalar, {
    description: 'Rate in force now (the first one, where it is still to come), for one replica.',
  })
  readonly creditsPerHour!: bigint;
  @Field(() => [HardwareRateType], {
    description: 'Every rate, earliest first, those to come too.',
  })
  readonly rates!: readonly HardwareRateType[];
  /** What other domains' fields start from. */
  readonly profile!: HardwareProfile;
}

/** A profile as the API shows it. @param rates may hold those of other profiles too, in any order */
export function hardwareNode(
  profile: HardwareProfile,
  rates: readonly HardwareRate[],
  nowMs: number,
): HardwareProfileType {
  const own = ratesOf(rates, profile.hardwareId);
  const [first] = own;
  invariant(first !== undefined, 'a profile has a rate', { hardwareId: profile.hardwareId });
  return {
    id: encodeId('HardwareProfile', 0, profile.hardwareId),
    name: profile.name,
    kind: profile.kind,
    model: profile.model,
    vcpus: profile.vcpus,
    gpus: profile.gpus,
    memoryGb: profile.memoryGb,
    creditsPerHour: rateAt(own, profile.hardwareId, nowMs) ?? first.rateMicroPerHour,
    rates: own.map((rate, index) => ({
      creditsPerHour: rate.rateMicroPerHour,
      effectiveFrom: rate.fromMs,
      effectiveTo: own[index + 1]?.fromMs ?? null,
    })),
    profile,
  };
}

const NODES = new Key<Promise<ReadonlyMap<number, HardwareProfileType>>>('catalogue');

/** Profiles by hardware id; the catalogue is read once a request. An unknown id is NOT_FOUND. */
export const hardwareLoader = loader<number, HardwareProfileType>(async (tx, ids, context) => {
  // Two ticks of one request may ask for different ids: the second one finds the catalogue already read.
  const nodes = await context.once(NODES, () => readNodes(tx, context.nowMs));
  return ids.map((id) => nodes.get(id) ?? unknownId(encodeId('HardwareProfile', 0, id)));
});

async function readNodes(tx: Tx, nowMs: number): Promise<ReadonlyMap<number, HardwareProfileType>> {
  const priced = await loadCatalogue(tx);
  return new Map(
    priced.map(({ profile, rates }) => [profile.hardwareId, hardwareNode(profile, rates, nowMs)]),
  );
}

@InputType('CreateHardwareProfileInput')
class CreateHardwareProfileInput implements CreateHardwareProfileRequest {
  @Field(() => String) readonly name!: string;
  @Field(() => hardwareKinds) readonly kind!: HardwareKind;
  @Field(() => String) readonly model!: string;
  @Field(() => Int) readonly vcpus!: number;
  @Field(() => Int, { nullable: true, defaultValue: 0 }) readonly gpus?: number | null;
  @Field(() => Float) readonly memoryGb!: number;
  @Field(() => CreditsScalar, { description: 'For one replica; from 0 to 1,000,000.' })
  readonly creditsPerHour!: string;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the first rate takes effect; default: 1970-01-01T00:00:00.000Z.',
  })
  readonly effectiveFrom?: number | null;
}

@Resolver(() => HardwareProfileType)
export class CatalogueResolver {
  constructor(private readonly catalogue: CatalogueService) {}

  @Query(() => [HardwareProfileType], { description: 'Every profile, by name.' })
  async hardwareProfiles(@Ctx() context: RequestContext): Promise<readonly HardwareProfileType[]> {
    const priced = await this.catalogue.list(context.actor, await context.reader());
    return priced.map(({ profile, rates }) => hardwareNode(profile, rates, context.nowMs));
  }

  @Mutation(() => HardwareProfileType, {
    description:
      'Sent again with the same body: the first profile. Its name with another body is CONFLICT.',
  })
  async createHardwareProfile(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateHardwareProfileInput) input: CreateHardwareProfileInput,
  ): Promise<HardwareProfileType> {
    const { profile, rates } = await this.catalogue.createProfile(context.actor, input);
    return hardwareNode(profile, rates, context.nowMs);
  }
}
