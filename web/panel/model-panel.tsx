import type { ReactNode } from 'react';
import { Instant } from '../ui/instant.tsx';
import { useWords } from '../words/words.ts';
import { Deployments, type DeploymentsProps } from './deployments.tsx';
import { Headline } from './headline.tsx';
import { Hosting } from './hosting.tsx';
import type { ModelNode } from './nodes.ts';
import { PanelTrend } from './panel-trend.tsx';
import { Facts, Section } from './section.tsx';
import { Components } from './sums.tsx';

export interface ModelPanelProps extends Omit<DeploymentsProps, 'page'> {
  readonly node: ModelNode;
}

/** A model: what it and its deployments used, and each of these. */
export function ModelPanel({ node, ...list }: ModelPanelProps): ReactNode {
  const words = useWords();
  const { usage } = node;
  return (
    <>
      <Headline credits={usage.credits} time={usage.time} />
      <PanelTrend
        granularity={usage.trend.granularity}
        buckets={usage.trend.buckets.map(({ credits, ...span }) => ({ ...span, value: credits }))}
        className="category-models"
      />
      <Components
        components={[
          { component: 'HOSTING', credits: usage.hostingCredits },
          { component: 'FINE_TUNING', credits: usage.fineTuningCredits },
          { component: 'STORAGE', credits: usage.storageCredits },
          { component: 'PROCESSING', credits: usage.processingCredits },
        ]}
        total={usage.credits}
      />
      <Deployments {...list} page={usage.deployments} />
      <Hosting hardware={usage.hardware} />
      <Section title={words.panel.about}>
        <Facts
          facts={[
            { label: words.rows.column.type, value: words.rows.type[node.type] },
            { label: words.panel.externalId, value: node.externalId },
            { label: words.rows.column.lastDeployed, value: <Instant at={node.lastDeployedOn} /> },
            { label: words.panel.created, value: <Instant at={node.createdAt} /> },
          ]}
        />
      </Section>
    </>
  );
}
