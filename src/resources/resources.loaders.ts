import { groupBy } from '../core/group.ts';
import { loader } from '../graphql/loader.ts';
import type { Resource } from './resource.ts';
import { loadModels, type ModelAddress } from './models.store.ts';
import { listDeploymentsOf, loadResources, type ResourceAddress } from './resources.store.ts';
import {
  type BillableResourceNode,
  modelNode,
  type ModelObject,
  resourceNode,
} from './resources.types.ts';

/** Resources by account and id; null where there is none. */
export const resourceLoader = loader<ResourceAddress, BillableResourceNode | null>(
  async (tx, refs) => {
    const resources = await loadResources(tx, refs);
    const nodes = new Map(resources.map((one) => [resourceKey(one), resourceNode(one)]));
    return refs.map((ref) => nodes.get(resourceKey(ref)) ?? null);
  },
  resourceKey,
);

/** Models by account and id; null where there is none. */
export const modelLoader = loader<ModelAddress, ModelObject | null>(async (tx, refs) => {
  const models = await loadModels(tx, refs);
  const nodes = new Map(models.map((model) => [modelKey(model), modelNode(model)]));
  return refs.map((ref) => nodes.get(modelKey(ref)) ?? null);
}, modelKey);

/** The deployments of models, deleted ones too. */
export const deploymentsLoader = loader<ModelAddress, readonly Resource[]>(async (tx, refs) => {
  const byModel = groupBy(await listDeploymentsOf(tx, refs), modelKey);
  return refs.map((ref) => byModel.get(modelKey(ref)) ?? []);
}, modelKey);

function resourceKey(ref: ResourceAddress): string {
  return `${ref.accountId}.${ref.resourceId}`;
}

function modelKey(ref: Pick<Resource, 'accountId' | 'modelId'>): string {
  return `${ref.accountId}.${ref.modelId}`;
}
