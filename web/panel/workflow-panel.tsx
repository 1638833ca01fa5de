import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { useWords } from '../words/words.ts';
import type { WorkflowNode } from './nodes.ts';
import { PanelTrend } from './panel-trend.tsx';
import { Facts, Section } from './section.tsx';

/** A workflow: its runs in the range. */
export function WorkflowPanel({ node }: { readonly node: WorkflowNode }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { column } = words.rows;
  const { runs, trend, lastActiveOn } = node.usage;
  return (
    <>
      <dl className="headline">
        <div>
          <dt>{column.runs}</dt>
          <dd className="numeral medium">
            <Figure path="usage.runs" value={runs}>
              {figures.count(runs)}
            </Figure>
          </dd>
        </div>
      </dl>
      <PanelTrend
        granularity={trend.granularity}
        buckets={trend.buckets.map(({ runs: value, ...span }) => ({ ...span, value }))}
        className="runs"
      />
      <Section title={words.panel.about}>
        <Facts
          facts={[
            { label: column.owner, value: node.owner ?? '–' },
            { label: words.panel.externalId, value: node.externalId },
            { label: column.lastActive, value: <Instant at={lastActiveOn} /> },
            { label: words.panel.created, value: <Instant at={node.createdAt} /> },
          ]}
        />
      </Section>
    </>
  );
}
