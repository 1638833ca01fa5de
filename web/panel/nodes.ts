// What the panel can be of.

import type { PanelQuery } from '@billing-gateway/client/operations';

type Node = NonNullable<PanelQuery['node']>;
export type WorkflowNode = Extract<Node, { readonly __typename: 'Workflow' }>;
export type ModelNode = Extract<Node, { readonly __typename: 'Model' }>;
export type HostedNode = Extract<
  Node,
  {
    readonly __typename:
      'BrowserPod' | 'CustomScript' | 'Guardrail' | 'ModelDeployment' | 'OcrDeployment';
  }
>;
export type PanelNode = WorkflowNode | ModelNode | HostedNode;

/** What an answer is of; null: of nothing, or of what has no usage of its own. */
export function panelNode(node: Node | null): PanelNode | null {
  return node !== null && 'usage' in node ? node : null;
}
