// From the answers of the tabs' operations to the rows of one table.

import type {
  CustomScriptsTabQuery,
  HostedPagePartsFragment,
  ModelsTabQuery,
  WorkflowsTabQuery,
} from '@billing-gateway/client/operations';
import { NOTHING, type Row, type RowsPage } from './page.ts';

type Component = 'HOSTING' | 'FINE_TUNING' | 'STORAGE' | 'PROCESSING';
type HostedNode = HostedPagePartsFragment['nodes'][number] & {
  readonly resource: {
    readonly language?: string;
    readonly ocrModel?: string;
  };
};
type HostedPage = Omit<HostedPagePartsFragment, 'nodes'> & {
  readonly nodes: readonly HostedNode[];
};
type WorkflowsPage = NonNullable<WorkflowsTabQuery['account']>['usage']['workflows'];
type ScriptsUsage = NonNullable<CustomScriptsTabQuery['account']>['usage'];
type ModelsPage = NonNullable<ModelsTabQuery['account']>['usage']['models'];

/** The rows of the workflows. */
export function workflowRows({ nodes, ...page }: WorkflowsPage): RowsPage {
  const rows = nodes.map(({ workflow, runs, lastActiveOn }) => ({
    ...NOTHING,
    id: workflow.id,
    name: workflow.name,
    owner: workflow.owner,
    status: workflow.status,
    lastActiveOn,
    runs,
  }));
  return { ...page, rows };
}

/** The rows of something hosted. */
export function hostedRows({ nodes, ...page }: HostedPage): RowsPage {
  return { ...page, rows: nodes.map(hostedRow) };
}

function hostedRow({ resource, components, ...row }: HostedNode): Row {
  const creditsOf = (name: Component): string | null =>
    components.find(({ component }) => component === name)?.credits ?? null;
  return {
    ...NOTHING,
    id: resource.id,
    name: resource.name,
    owner: resource.owner,
    status: resource.status,
    detail: detailOf(resource),
    hardware: hardwareOf(resource.hosting, row.hardware),
    lastActiveOn: resource.lastActiveOn,
    lastDeployedOn: row.lastDeployedOn,
    time: row.time,
    hosting: creditsOf('HOSTING'),
    processing: creditsOf('PROCESSING'),
    credits: row.credits,
  };
}

function hardwareOf(
  hosting: HostedNode['resource']['hosting'],
  used: HostedNode['hardware'],
): readonly string[] {
  if (used.length > 0) return used.map(({ hardware }) => hardware.name);
  return hosting === null ? [] : [hosting.hardware.name];
}

function detailOf({ language, ocrModel }: HostedNode['resource']): string | null {
  return language ?? ocrModel ?? null;
}

/** The rows of the scripts, and the languages that they have. */
export function scriptRows({ customScripts, lastActiveScripts }: ScriptsUsage): RowsPage {
  const languages = [...customScripts.nodes, ...lastActiveScripts.nodes].flatMap(({ resource }) =>
    'language' in resource ? [resource.language] : [],
  );
  return { ...hostedRows(customScripts), languages };
}

/** The rows of the models, each with its deployments. */
export function modelRows({ nodes, ...page }: ModelsPage): RowsPage {
  const rows = nodes.map((row) => ({
    ...NOTHING,
    id: row.model.id,
    name: row.model.name,
    type: row.model.type,
    lastDeployedOn: row.lastDeployedOn,
    time: row.time,
    hosting: row.hostingCredits,
    fineTuning: row.fineTuningCredits,
    storage: row.storageCredits,
    processing: row.processingCredits,
    credits: row.credits,
    deployments: row.deployments.nodes.map(hostedRow),
    deploymentCount: row.deployments.totalCount,
  }));
  return { ...page, rows };
}
