import { type ReactNode, useState } from 'react';
import { fittingGranularity, granularityInput, rangeInput } from '../address/inputs.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import { PanelDocument } from '@billing-gateway/client/operations';
import { FaultBoundary, ProblemNote, Skeleton } from '../ui/card.tsx';
import { Status } from '../ui/status.tsx';
import { useWords } from '../words/words.ts';
import {
  DEPLOYMENTS_A_PAGE,
  type DeploymentsOrder,
  type DeploymentsProps,
} from './deployments.tsx';
import { HostedPanel } from './hosted-panel.tsx';
import { ModelPanel } from './model-panel.tsx';
import { type PanelNode, panelNode } from './nodes.ts';
import { PanelShell, PanelTitle } from './panel-shell.tsx';
import { SEGMENTS_A_PAGE } from './segments.tsx';
import { usePages } from './use-pages.ts';
import { WorkflowPanel } from './workflow-panel.tsx';

/** What stands behind a row: all that is known of one resource or model in the range of the page. */
export function Panel({ id }: { readonly id: string }): ReactNode {
  return (
    <PanelShell>
      <FaultBoundary key={id}>
        <Content id={id} />
      </FaultBoundary>
    </PanelShell>
  );
}

function Content({ id }: { readonly id: string }): ReactNode {
  const address = useAddress();
  const [order, setOrder] = useState<DeploymentsOrder>('CREDITS');
  const range = rangeInput(address.range, address.timeZone);
  const pages = usePages(JSON.stringify([range, order]));
  const { data, problem, isLoading, reload } = useOperation(PanelDocument, {
    id,
    range,
    granularity: granularityInput(fittingGranularity(address)),
    firstSegments: SEGMENTS_A_PAGE,
    firstDeployments: DEPLOYMENTS_A_PAGE,
    afterDeployment: pages.after,
    deploymentsOrderBy: { field: order, direction: order === 'NAME' ? 'ASC' : 'DESC' },
  });
  const node = panelNode(data?.node ?? null);
  return (
    <div className="panel-content" aria-busy={isLoading}>
      <Head id={id} node={node} />
      {problem !== null && problem.kind !== 'not-found' && (
        <ProblemNote problem={problem} onRetry={reload} />
      )}
      {node === null ? (
        <Missing
          isNone={problem?.kind === 'not-found' || data !== null}
          isAsked={problem === null}
        />
      ) : (
        <Body node={node} list={{ pages, order, onOrder: setOrder }} />
      )}
    </div>
  );
}

interface MissingProps {
  /** There is nothing under the id. */
  readonly isNone: boolean;
  /** The answer is still to come. */
  readonly isAsked: boolean;
}

function Missing({ isNone, isAsked }: MissingProps): ReactNode {
  const words = useWords().panel;
  if (isNone) return <p role="alert">{words.notFound}</p>;
  return isAsked && <Skeleton lines={3} height={140} />;
}

function Head({ id, node }: { readonly id: string; readonly node: PanelNode | null }): ReactNode {
  const words = useWords().panel;
  const isModel = node?.__typename === 'Model';
  return (
    <header className="panel-head">
      <p className="muted">
        {node !== null && words.kind[isModel ? 'MODEL' : node.kind]}
        {node !== null && !isModel && <Status status={node.status} />}
      </p>
      <PanelTitle id={id}>{node?.name ?? words.title}</PanelTitle>
    </header>
  );
}

interface BodyProps {
  readonly node: PanelNode;
  /** What is shown of a model's deployments. */
  readonly list: Omit<DeploymentsProps, 'page'>;
}

function Body({ node, list }: BodyProps): ReactNode {
  if (node.__typename === 'Workflow') return <WorkflowPanel node={node} />;
  if (node.__typename === 'Model') return <ModelPanel node={node} {...list} />;
  return <HostedPanel node={node} />;
}
