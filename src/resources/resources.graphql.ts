import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { invariant } from '../core/errors.ts';
import type { RequestContext } from '../graphql/context.ts';
import { Connection, Page25, pageOfList, parsePage } from '../graphql/page.ts';
import { DateTimeScalar } from '../graphql/scalars.ts';
import type { RegisterModelRequest, RegisterRequest } from './registration.ts';
import { deploymentsLoader, modelLoader } from './resources.loaders.ts';
import { type ModelType, modelTypes, type ResourceKind, resourceKinds } from './resource.ts';
import { type ResourceService } from './resources.service.ts';
import {
  type BillableResourceNode,
  BillableResourceType,
  BrowserPodType,
  CustomScriptType,
  GuardrailType,
  ModelDeploymentConnection,
  ModelDeploymentType,
  modelNode,
  ModelObject,
  OcrDeploymentType,
  resourceNode,
  WorkflowType,
} from './resources.types.ts';
import { Cost, Needs } from '../graphql/field-extensions.ts';

const REGISTER =
  'Creates or updates the resource with this account, kind and externalId. Registering again updates the name, the owner and the descriptive fields. A deleted resource is CONFLICT.';

@InputType('RegisterAnyInput', {
  description:
    'Give the fields that the kind needs: modelExternalId and modelType for MODEL_DEPLOYMENT (this registers the model too), language and languageVersion for CUSTOM_SCRIPT, ocrModel for OCR_DEPLOYMENT.',
})
class RegisterAnyInput implements RegisterRequest {
  @Field(() => resourceKinds) readonly kind!: ResourceKind;
  @Field(() => String) readonly externalId!: string;
  @Field(() => String) readonly name!: string;
  @Field(() => String, { nullable: true, description: 'Left out: unchanged.' })
  readonly owner?: string | null;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Default: now. It must not be in the future.',
  })
  readonly createdAt?: number | null;
  @Field(() => String, { nullable: true }) readonly modelExternalId?: string | null;
  @Field(() => String, {
    nullable: true,
    description: "Default: the model's existing name, otherwise its modelExternalId.",
  })
  readonly modelName?: string | null;
  @Field(() => modelTypes, { nullable: true }) readonly modelType?: ModelType | null;
  @Field(() => String, { nullable: true }) readonly language?: string | null;
  @Field(() => String, { nullable: true }) readonly languageVersion?: string | null;
  @Field(() => String, { nullable: true }) readonly ocrModel?: string | null;
}

/** The input fields that all kinds share. */
@InputType()
abstract class RegisterInput {
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
  @Field(() => String) readonly externalId!: string;
  @Field(() => String) readonly name!: string;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'Default: now. It must not be in the future.',
  })
  readonly createdAt?: number | null;
}

@InputType()
abstract class RegisterOwnedInput extends RegisterInput {
  @Field(() => String, { nullable: true, description: 'Left out: unchanged.' })
  readonly owner?: string | null;
}

@InputType('RegisterModelInput')
class RegisterModelInput extends RegisterInput implements RegisterModelRequest {
  @Field(() => modelTypes) readonly type!: ModelType;
}

@InputType('RegisterWorkflowInput')
class RegisterWorkflowInput extends RegisterOwnedInput {}

@InputType('RegisterResourceInput')
class RegisterResourceInput extends RegisterOwnedInput {}

@InputType('RegisterModelDeploymentInput')
class RegisterModelDeploymentInput extends RegisterOwnedInput {
  @Field(() => ID) readonly modelId!: string;
}

@InputType('RegisterCustomScriptInput')
class RegisterCustomScriptInput extends RegisterOwnedInput {
  @Field(() => String) readonly language!: string;
  @Field(() => String) readonly languageVersion!: string;
}

@InputType('RegisterOcrDeploymentInput')
class RegisterOcrDeploymentInput extends RegisterOwnedInput {
  @Field(() => String) readonly ocrModel!: string;
}

@ArgsType()
class ResourceArgs {
  @Field(() => ID, { nullable: true }) readonly id?: string | null;
  @Field(() => resourceKinds, { nullable: true }) readonly kind?: ResourceKind | null;
  @Field(() => String, { nullable: true }) readonly externalId?: string | null;
  @Field(() => ID, { nullable: true }) readonly accountId?: string | null;
}

@Resolver()
export class ResourcesResolver {
  constructor(private readonly resources: ResourceService) {}

  @Cost(5)
  @Query(() => BillableResourceType, {
    nullable: true,
    name: 'resource',
    description: 'A resource by its id, or by its kind and externalId.',
  })
  async findResource(
    @Ctx() context: RequestContext,
    @Args(() => ResourceArgs) args: ResourceArgs,
  ): Promise<BillableResourceType> {
    const { id = null, kind = null, externalId = null, accountId = null } = args;
    return resourceNode(
      await this.resources.find(context.actor, await context.reader(), {
        id,
        kind,
        externalId,
        accountId,
      }),
    );
  }

  @Cost(20)
  @Mutation(() => [ID], {
    description:
      'Registers up to 5,000 resources of any kinds, all or none, each as its own mutation does. Returns their ids in the given order. A resource that is given twice is updated by the later one.',
  })
  async registerResources(
    @Ctx() context: RequestContext,
    @Arg('resources', () => [RegisterAnyInput]) resources: RegisterAnyInput[],
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<readonly string[]> {
    return this.resources.registerAll(context.actor, accountId ?? null, resources);
  }

  @Cost(20)
  @Mutation(() => WorkflowType, { description: REGISTER })
  async registerWorkflow(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterWorkflowInput) input: RegisterWorkflowInput,
  ): Promise<WorkflowType> {
    return this.register(context, 'WORKFLOW', input);
  }

  @Cost(20)
  @Mutation(() => ModelObject, {
    description:
      "Creates the model with this account and externalId, or updates its name. A model's type never changes.",
  })
  async registerModel(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterModelInput) input: RegisterModelInput,
  ): Promise<ModelObject> {
    return modelNode(await this.resources.registerModel(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => ModelDeploymentType, {
    description: `${REGISTER} A deployment's model never changes.`,
  })
  async registerModelDeployment(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterModelDeploymentInput) input: RegisterModelDeploymentInput,
  ): Promise<ModelDeploymentType> {
    return resourceNode(await this.resources.registerDeployment(context.actor, input));
  }

  @Cost(20)
  @Mutation(() => GuardrailType, { description: REGISTER })
  async registerGuardrail(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterResourceInput) input: RegisterResourceInput,
  ): Promise<GuardrailType> {
    return this.register(context, 'GUARDRAIL', input);
  }

  @Cost(20)
  @Mutation(() => CustomScriptType, { description: REGISTER })
  async registerCustomScript(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterCustomScriptInput) input: RegisterCustomScriptInput,
  ): Promise<CustomScriptType> {
    return this.register(context, 'CUSTOM_SCRIPT', input);
  }

  @Cost(20)
  @Mutation(() => OcrDeploymentType, { description: REGISTER })
  async registerOcrDeployment(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterOcrDeploymentInput) input: RegisterOcrDeploymentInput,
  ): Promise<OcrDeploymentType> {
    return this.register(context, 'OCR_DEPLOYMENT', input);
  }

  @Cost(20)
  @Mutation(() => BrowserPodType, { description: REGISTER })
  async registerBrowserPod(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterResourceInput) input: RegisterResourceInput,
  ): Promise<BrowserPodType> {
    return this.register(context, 'BROWSER_POD', input);
  }

  private async register(
    context: RequestContext,
    kind: Exclude<ResourceKind, 'MODEL_DEPLOYMENT'>,
    request: RegisterOwnedInput,
  ): Promise<BillableResourceNode> {
    return resourceNode(await this.resources.register(context.actor, kind, request));
  }
}

@Resolver(() => ModelObject)
export class ModelResolver {
  @Cost(20)
  @Needs('READ_USAGE')
  @FieldResolver(() => ModelDeploymentConnection, { description: 'Oldest first.' })
  async deployments(
    @Root() { model }: ModelObject,
    @Ctx() context: RequestContext,
    @Args(() => Page25) args: Page25,
  ): Promise<Connection<ModelDeploymentType>> {
    const page = parsePage(args, 25, { path: ['deployments'] });
    const deployments = await deploymentsLoader(context).load(model);
    const nodes: readonly ModelDeploymentType[] = deployments.map(resourceNode);
    return new Connection(
      pageOfList(nodes, page, {
        keyOf: (node) => ({ value: null, id: node.resource.resourceId }),
        compare: (a, b) => a.id - b.id,
      }),
    );
  }
}

@Resolver(() => ModelDeploymentType)
export class ModelDeploymentResolver {
  @Cost(1)
  @FieldResolver(() => ModelObject)
  async model(
    @Root() node: ModelDeploymentType,
    @Ctx() context: RequestContext,
  ): Promise<ModelObject> {
    const { accountId, modelId } = node.resource;
    invariant(modelId !== null, 'a model deployment has a model', { accountId });
    const model = await modelLoader(context).load({ accountId, modelId });
    invariant(model !== null, 'the model of a deployment exists', { accountId, modelId });
    return model;
  }

  @Cost(1)
  @FieldResolver(() => modelTypes)
  async type(
    @Root() node: ModelDeploymentType,
    @Ctx() context: RequestContext,
  ): Promise<ModelType> {
    return (await this.model(node, context)).type;
  }
}
