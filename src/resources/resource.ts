// What usage belongs to. A model itself is no billable resource: its deployments are hosted, and fine-tuning and storage
// are charged to the model.

import type { NodeType } from '../core/identity.ts';

export const resourceKinds = {
  WORKFLOW: 'WORKFLOW',
  MODEL_DEPLOYMENT: 'MODEL_DEPLOYMENT',
  GUARDRAIL: 'GUARDRAIL',
  CUSTOM_SCRIPT: 'CUSTOM_SCRIPT',
  OCR_DEPLOYMENT: 'OCR_DEPLOYMENT',
  BROWSER_POD: 'BROWSER_POD',
} as const;
export type ResourceKind = keyof typeof resourceKinds;

/** The API type of each kind. */
export const typeOfKind = {
  WORKFLOW: 'Workflow',
  MODEL_DEPLOYMENT: 'ModelDeployment',
  GUARDRAIL: 'Guardrail',
  CUSTOM_SCRIPT: 'CustomScript',
  OCR_DEPLOYMENT: 'OcrDeployment',
  BROWSER_POD: 'BrowserPod',
} as const satisfies Readonly<Record<ResourceKind, NodeType>>;

export const resourceStatuses = {
  IN_DEVELOPMENT: 'IN_DEVELOPMENT',
  DEPLOYING: 'DEPLOYING',
  DEPLOYED: 'DEPLOYED',
  UNDEPLOYED: 'UNDEPLOYED',
  FAILED: 'FAILED',
  DELETED: 'DELETED',
} as const;
export type ResourceStatus = keyof typeof resourceStatuses;

export const modelTypes = { BASE: 'BASE', FINE_TUNED: 'FINE_TUNED' } as const;
export type ModelType = keyof typeof modelTypes;

export interface Model {
  readonly accountId: number;
  readonly modelId: number;
  readonly externalId: string;
  readonly name: string;
  readonly type: ModelType;
  readonly createdAtMs: number;
  /** Latest deployment of any of its model deployments; null when none was ever deployed. */
  readonly lastDeployedAtMs: number | null;
}

export interface Resource {
  readonly accountId: number;
  readonly resourceId: number;
  readonly kind: ResourceKind;
  readonly externalId: string;
  readonly name: string;
  readonly owner: string | null;
  readonly createdAtMs: number;
  readonly modelId: number | null;
  readonly language: string | null;
  readonly languageVersion: string | null;
  readonly ocrModel: string | null;
  readonly status: ResourceStatus;
  readonly endpointUrl: string | null;
  readonly failureMessage: string | null;
  readonly requestedHardwareId: number | null;
  readonly requestedReplicas: number | null;
  /** Instant of the last lifecycle call: none may be earlier. */
  readonly lifecycleAtMs: number | null;
  /** Last deployment by a lifecycle call; null when there was none. */
  readonly deployedAtMs: number | null;
  /** When the deployment last changed: deployed, scaled, undeployed, failed or stopped. */
  readonly changedAtMs: number | null;
  /** When the negative limit stopped it, until it is deployed again. */
  readonly stoppedAtMs: number | null;
  /** Latest deployment, by a lifecycle call or by a period that was recorded afterwards. */
  readonly lastDeployedAtMs: number | null;
  /** Latest lifecycle call, stop, or end of hosting that was recorded afterwards. */
  readonly lastLifecycleActivityAtMs: number | null;
  /** Latest folded usage event; null when none was ever recorded (or all were voided). */
  readonly lastEventAtMs: number | null;
}

/** Names one resource of an account by the platform's own identifier. */
export interface ResourceRef {
  readonly kind: ResourceKind;
  readonly externalId: string;
}

/** A text that is unique for each name. */
export function refKey(ref: ResourceRef): string {
  // Kinds have no space, so the first one ends the kind.
  return `${ref.kind} ${ref.externalId}`;
}

/** A resource by its name and its id. */
export interface ResourceKey extends ResourceRef {
  readonly resourceId: number;
}

/**
 * When a resource was last active: now while it runs, otherwise at its latest usage event or lifecycle change.
 * @param lastEventAtMs of its latest usage event, folded or not
 */
export function lastActiveAtMs(
  resource: Pick<Resource, 'kind' | 'status' | 'lastLifecycleActivityAtMs'>,
  lastEventAtMs: number | null,
  nowMs: number,
): number | null {
  if (isRunning(resource)) return nowMs;
  return laterOf(resource.lastLifecycleActivityAtMs, lastEventAtMs);
}

/** Whether a resource runs on hardware now. */
export function isRunning({ kind, status }: Pick<Resource, 'kind' | 'status'>): boolean {
  return kind !== 'WORKFLOW' && status === 'DEPLOYED';
}

/** The later of two instants, epoch ms; null counts as earliest. */
export function laterOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/**
 * The status that the API shows. Hosting that was recorded afterwards counts as a deployment, so a resource with such periods
 * is no draft any more. The row keeps its status, because a void may remove the periods again.
 */
export function shownStatus(
  resource: Pick<Resource, 'status' | 'lastDeployedAtMs'>,
): ResourceStatus {
  const wasHosted = resource.status === 'IN_DEVELOPMENT' && resource.lastDeployedAtMs !== null;
  return wasHosted ? 'UNDEPLOYED' : resource.status;
}
