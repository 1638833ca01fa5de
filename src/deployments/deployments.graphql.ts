import { Arg, Ctx, Field, ID, InputType, Int, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../graphql/context.ts';
import { DateTimeScalar, UrlScalar } from '../graphql/scalars.ts';
import {
  BillableResourceType,
  HostedResourceType,
  resourceNode,
  WorkflowType,
} from '../resources/resources.types.ts';
import type { DeploymentService, DeployRequest, ScaleRequest } from './deployments.service.ts';
import { Cost } from '../graphql/field-extensions.ts';

const AT = '`at` defaults to now; it may be in the past, but not before the last lifecycle call.';

@InputType('DeployInput')
class DeployInput implements DeployRequest {
  @Field(() => ID) readonly id!: string;
  @Field(() => String) readonly hardware!: string;
  @Field(() => Int, { nullable: true, defaultValue: 1, description: '1 to 1,000.' })
  readonly replicas?: number | null;
  @Field(() => UrlScalar, { nullable: true, description: 'Left out: unchanged.' })
  readonly endpointUrl?: string | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly at?: number | null;
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'False: the deployment is decided on now, and charged from deploymentReady on.',
  })
  readonly ready?: boolean | null;
}

@InputType('ScaleInput')
class ScaleInput implements ScaleRequest {
  @Field(() => ID) readonly id!: string;
  @Field(() => String, { nullable: true }) readonly hardware?: string | null;
  @Field(() => Int, { nullable: true, description: '1 to 1,000.' })
  readonly replicas?: number | null;
  @Field(() => DateTimeScalar, { nullable: true }) readonly at?: number | null;
}

@Resolver()
export class DeploymentsResolver {
  constructor(private readonly deployments: DeploymentService) {}

  @Cost(20)
  @Mutation(() => WorkflowType, {
    description: `${AT} Refused with DEPLOYMENTS_DISABLED in the states EXHAUSTED and STOPPED.`,
  })
  async deployWorkflow(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<WorkflowType> {
    return resourceNode(
      await this.deployments.deployWorkflow(context.actor, { id, at: at ?? null }),
    );
  }

  @Cost(20)
  @Mutation(() => WorkflowType, { description: AT })
  async undeployWorkflow(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<WorkflowType> {
    return resourceNode(
      await this.deployments.undeployWorkflow(context.actor, { id, at: at ?? null }),
    );
  }

  @Cost(20)
  @Mutation(() => HostedResourceType, {
    description: `Runs a resource on hardware from \`at\` on. ${AT} A resource that runs as requested is returned unchanged; one that runs otherwise is CONFLICT. Refused with DEPLOYMENTS_DISABLED unless \`deploymentPolicy.canDeploy\`.`,
  })
  async deploy(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeployInput) input: DeployInput,
  ): Promise<HostedResourceType> {
    return resourceNode(await this.deployments.deploy(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => HostedResourceType, {
    description:
      'Reports that the deployment that was requested with `ready: false` runs from `at` on. Refused with DEPLOYMENTS_DISABLED in state STOPPED.',
  })
  async deploymentReady(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<HostedResourceType> {
    return resourceNode(await this.deployments.ready(context.actor, { id, at: at ?? null }));
  }

  @Cost(20)
  @Mutation(() => HostedResourceType, {
    description:
      'Reports that deploying failed, or that a running deployment was lost at `at`. Ends hosting; the status becomes FAILED.',
  })
  async deploymentFailed(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('message', () => String) message: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<HostedResourceType> {
    return resourceNode(
      await this.deployments.fail(context.actor, { id, message, at: at ?? null }),
    );
  }

  @Cost(20)
  @Mutation(() => HostedResourceType, {
    description:
      'Changes replicas or hardware from `at` on. A change that raises the cost an hour is refused with DEPLOYMENTS_DISABLED unless `deploymentPolicy.canDeploy`.',
  })
  async scale(
    @Ctx() context: RequestContext,
    @Arg('input', () => ScaleInput) input: ScaleInput,
  ): Promise<HostedResourceType> {
    return resourceNode(await this.deployments.scale(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => HostedResourceType, {
    description: `Ends hosting at \`at\`, or withdraws a requested deployment. ${AT}`,
  })
  async undeploy(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<HostedResourceType> {
    return resourceNode(await this.deployments.undeploy(context.actor, { id, at: at ?? null }));
  }

  @Cost(20)
  @Mutation(() => BillableResourceType, {
    description: 'Ends its hosting. Its usage and its rows in views remain.',
  })
  async deleteResource(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID) id: string,
    @Arg('at', () => DateTimeScalar, { nullable: true }) at?: number | null,
  ): Promise<BillableResourceType> {
    return resourceNode(await this.deployments.delete(context.actor, { id, at: at ?? null }));
  }
}
