import { Field, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { present } from '../core/errors.ts';
import { encodeId } from '../core/identity.ts';
import { NodeType } from '../graphql/node.ts';
import { connectionType } from '../graphql/page.ts';
import { DateTimeScalar, UrlScalar } from '../graphql/scalars.ts';
import {
  type Model,
  type ModelType,
  modelTypes,
  type Resource,
  type ResourceKind,
  resourceKinds,
  type ResourceStatus,
  resourceStatuses,
  shownStatus,
  typeOfKind,
} from './resource.ts';

registerEnumType(resourceKinds, { name: 'ResourceKind' });
registerEnumType(modelTypes, { name: 'ModelType' });
registerEnumType(resourceStatuses, {
  name: 'ResourceStatus',
  valuesConfig: {
    IN_DEVELOPMENT: { description: 'Never deployed; a draft.' },
    DEPLOYING: { description: 'Requested and allowed, but not running yet. Not charged.' },
    UNDEPLOYED: { description: 'Not running; it can be deployed again.' },
    FAILED: {
      description:
        'The platform could not deploy the resource, or lost it; `failureMessage` says why.',
    },
  },
});

@InterfaceType('BillableResource', {
  implements: NodeType,
  description: 'A resource that usage is recorded for: a workflow, or something hosted.',
})
export abstract class BillableResourceType extends NodeType {
  @Field(() => String, {
    description: "The platform's own identifier, unique within the account and kind.",
  })
  readonly externalId!: string;
  @Field(() => String) readonly name!: string;
  @Field(() => resourceKinds) readonly kind!: ResourceKind;
  @Field(() => resourceStatuses) readonly status!: ResourceStatus;
  @Field(() => String, { nullable: true }) readonly owner!: string | null;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'The latest usage event or lifecycle change, independent of the requested range. While the resource runs: now.',
  })
  readonly lastActiveOn!: number | null;
  /** Whether lastActiveOn is final: the resource's row alone knows neither now nor the latest events. */
  readonly isLastActiveExact!: boolean;
  /** For the fields that other folders add to a resource. */
  readonly resource!: Resource;
}

@InterfaceType('HostedResource', {
  implements: BillableResourceType,
  description:
    'A resource that runs on hardware and is charged by time. At any instant it runs on one hardware profile with one number of replicas.',
})
export abstract class HostedResourceType extends BillableResourceType {
  @Field(() => DateTimeScalar, { nullable: true }) readonly lastDeployedOn!: number | null;
  @Field(() => UrlScalar, { nullable: true }) readonly endpointUrl!: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'Why the deployment failed, or that the negative limit stopped it: a sentence to show. The next deployment clears it.',
  })
  readonly failureMessage!: string | null;
}

// Object types name all their interfaces. If type-graphql found an interface only through another one, it would put a
// resolver on each of its fields, and a page would call it for every row.

@ObjectType('Workflow', {
  implements: [NodeType, BillableResourceType],
  simpleResolvers: true,
  description: 'A workflow is counted in runs and never hosted.',
})
export class WorkflowType extends BillableResourceType {}

@ObjectType('Model', {
  implements: NodeType,
  simpleResolvers: true,
  description: 'An open-source or fine-tuned model. Its deployments are hosted and charged.',
})
export class ModelObject extends NodeType {
  @Field(() => String) readonly externalId!: string;
  @Field(() => String) readonly name!: string;
  @Field(() => modelTypes) readonly type!: ModelType;
  @Field(() => DateTimeScalar) readonly createdAt!: number;
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When any of its deployments was last deployed.',
  })
  readonly lastDeployedOn!: number | null;
  /** For the fields that other folders add to a model. */
  readonly model!: Model;
}

const hostedObject = {
  implements: [NodeType, BillableResourceType, HostedResourceType],
  simpleResolvers: true,
};

@ObjectType('ModelDeployment', {
  ...hostedObject,
  description: 'A deployment of a model.',
})
export class ModelDeploymentType extends HostedResourceType {
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the deployment last changed: deployed, scaled or undeployed.',
  })
  readonly lastUpdatedOn!: number | null;
}

@ObjectType('Guardrail', hostedObject)
export class GuardrailType extends HostedResourceType {}

@ObjectType('CustomScript', hostedObject)
export class CustomScriptType extends HostedResourceType {
  @Field(() => String) readonly language!: string;
  @Field(() => String) readonly languageVersion!: string;
}

@ObjectType('OcrDeployment', hostedObject)
export class OcrDeploymentType extends HostedResourceType {
  @Field(() => String, { description: 'The OCR model that it serves.' })
  readonly ocrModel!: string;
}

@ObjectType('BrowserPod', hostedObject)
export class BrowserPodType extends HostedResourceType {}

export const ModelDeploymentConnection = connectionType(
  'ModelDeployment',
  () => ModelDeploymentType,
);

/** One type for all kinds: each kind's object type uses the fields that it has. */
export interface BillableResourceNode
  extends ModelDeploymentType, CustomScriptType, OcrDeploymentType {}

/** A resource as the API shows it, whatever its kind. A page has hundreds, so values are computed only when asked for. */
class ResourceNode implements BillableResourceNode {
  constructor(
    readonly resource: Resource,
    readonly lastActiveOn: number | null,
    readonly isLastActiveExact: boolean,
  ) {}

  get id(): string {
    const { kind, accountId, resourceId } = this.resource;
    return encodeId(typeOfKind[kind], accountId, resourceId);
  }

  get externalId(): string {
    return this.resource.externalId;
  }

  get name(): string {
    return this.resource.name;
  }

  get kind(): ResourceKind {
    return this.resource.kind;
  }

  get status(): ResourceStatus {
    return shownStatus(this.resource);
  }

  get owner(): string | null {
    return this.resource.owner;
  }

  get createdAt(): number {
    return this.resource.createdAtMs;
  }

  get lastDeployedOn(): number | null {
    return this.resource.lastDeployedAtMs;
  }

  get endpointUrl(): string | null {
    return this.resource.endpointUrl;
  }

  get failureMessage(): string | null {
    return this.resource.failureMessage;
  }

  get lastUpdatedOn(): number | null {
    return this.resource.changedAtMs;
  }

  get language(): string {
    return present(this.resource.language, 'a custom script has its language');
  }

  get languageVersion(): string {
    return present(this.resource.languageVersion, 'a custom script has its version');
  }

  get ocrModel(): string {
    return present(this.resource.ocrModel, 'an OCR deployment has its model');
  }
}

/** A resource as the API shows it, whatever its kind. */
export function resourceNode(resource: Resource): BillableResourceNode {
  return new ResourceNode(resource, null, false);
}

/** The same for a tab, which has read when it was last active, including the latest events. */
export function activeResourceNode(
  resource: Resource,
  lastActiveAtMs: number | null,
): BillableResourceNode {
  return new ResourceNode(resource, lastActiveAtMs, true);
}

/** A model as the API shows it. */
export function modelNode(model: Model): ModelObject {
  return {
    id: encodeId('Model', model.accountId, model.modelId),
    externalId: model.externalId,
    name: model.name,
    type: model.type,
    createdAt: model.createdAtMs,
    lastDeployedOn: model.lastDeployedAtMs,
    model,
  };
}
