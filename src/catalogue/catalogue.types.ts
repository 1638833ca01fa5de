import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import { invariant } from '../core/errors.ts';
import { encodeId } from '../core/identity.ts';
import { NodeType } from '../graphql/node.ts';
import { CreditsScalar, DateTimeScalar } from '../graphql/scalars.ts';
import {
  hardwareKinds,
  type HardwareKind,
  type HardwareProfile,
  type HardwareRate,
  rateAt,
  ratesOf,
} from './rates.ts';

registerEnumType(hardwareKinds, { name: 'HardwareKind' });

@ObjectType('HardwareRate', {
  simpleResolvers: true,
  description:
    'A rate never changes once it has taken effect. Usage is charged at the rate of its own instant.',
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
  description: 'A type of machine that resources are deployed on.',
})
export class HardwareProfileType extends NodeType {
  @Field(() => String, { description: 'Unique, e.g. "gpu-a100-80gb" or "cpu-4-16".' })
  readonly name!: string;
  @Field(() => hardwareKinds) readonly kind!: HardwareKind;
  @Field(() => String, { description: 'Name of the processor or accelerator: "A100 80GB".' })
  readonly model!: string;
  @Field(() => Int, { description: 'Number of vCPUs of one replica.' }) readonly vcpus!: number;
  @Field(() => Int, { description: 'Number of GPUs of one replica.' }) readonly gpus!: number;
  @Field(() => Float) readonly memoryGb!: number;
  @Field(() => CreditsScalar, {
    description:
      'The current rate for one replica. Before the first rate takes effect: that first rate.',
  })
  readonly creditsPerHour!: bigint;
  @Field(() => [HardwareRateType], {
    description: 'All rates, earliest first, including scheduled ones.',
  })
  readonly rates!: readonly HardwareRateType[];
  /** For the fields that other folders add to a profile. */
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
    id: encodeId('HardwareProfile', null, profile.hardwareId),
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
