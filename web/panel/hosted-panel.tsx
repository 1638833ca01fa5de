import type { ReactNode } from 'react';
import { TAB_OF_KIND } from '../address/kinds.ts';
import { useFigures } from '../figures/figures.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { HardwareParts } from '../ui/hardware-parts.tsx';
import { Instant } from '../ui/instant.tsx';
import { useWords } from '../words/words.ts';
import { Headline } from './headline.tsx';
import { Hosting } from './hosting.tsx';
import type { HostedNode } from './nodes.ts';
import { PanelTrend } from './panel-trend.tsx';
import { type Fact, Facts, Section } from './section.tsx';
import { Segments } from './segments.tsx';
import { Components, Quantities } from './sums.tsx';

/** A hosted resource: what it used, on which hardware, and the segments that explain its charge. */
export function HostedPanel({ node }: { readonly node: HostedNode }): ReactNode {
  const words = useWords().panel;
  const { usage } = node;
  return (
    <>
      {node.failureMessage !== null && (
        <div className="panel-failure">
          <strong>{words.failed}</strong>
          <p>{node.failureMessage}</p>
        </div>
      )}
      <Headline credits={usage.credits} time={usage.time} />
      <PanelTrend
        granularity={usage.trend.granularity}
        buckets={usage.trend.buckets.map(({ credits, ...span }) => ({ ...span, value: credits }))}
        className={`category-${TAB_OF_KIND[node.kind]}`}
      />
      <Components components={usage.components} total={usage.credits} />
      <Quantities quantities={usage.quantities} />
      <Hosting
        hardware={usage.hardware}
        explain={(line) => <Segments resourceId={node.id} line={line} />}
      />
      <About node={node} />
    </>
  );
}

function About({ node }: { readonly node: HostedNode }): ReactNode {
  const words = useWords();
  const { column } = words.rows;
  return (
    <Section title={words.panel.about}>
      <Facts
        facts={[
          { label: words.panel.runsOn, value: <RunsOn node={node} /> },
          ...useOwnFacts(node),
          { label: column.owner, value: node.owner ?? '–' },
          { label: words.panel.externalId, value: node.externalId },
          { label: column.lastActive, value: <Instant at={node.lastActiveOn} /> },
          { label: column.lastDeployed, value: <Instant at={node.lastDeployedOn} /> },
          { label: words.panel.created, value: <Instant at={node.createdAt} /> },
          { label: words.panel.endpoint, value: node.endpointUrl },
        ]}
      />
    </Section>
  );
}

function RunsOn({ node: { hosting } }: { readonly node: HostedNode }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  if (hosting === null) return '–';
  const { hardware, replicas, since, creditsPerHour } = hosting;
  return (
    <>
      {hardware.name} <HardwareParts profile={hardware} />
      <span className="list-sub">
        {words.panel.replicas(replicas, figures.count(replicas))} ·{' '}
        {words.overview.anHour(`${figures.exactCredits(creditsPerHour)} ${words.credit.credits}`)} ·{' '}
        {words.panel.since(figures.instant(since))}
      </span>
    </>
  );
}

/** What only its kind has. */
function useOwnFacts(node: HostedNode): readonly Fact[] {
  const words = useWords();
  const { column, type } = words.rows;
  if (node.__typename === 'ModelDeployment') {
    return [
      {
        label: words.panel.model,
        value: <AddressLink change={{ open: node.model.id }}>{node.model.name}</AddressLink>,
      },
      { label: column.type, value: type[node.type] },
      { label: words.panel.lastUpdated, value: <Instant at={node.lastUpdatedOn} /> },
    ];
  }
  if (node.__typename === 'CustomScript') {
    return [{ label: column.language, value: `${node.language} ${node.languageVersion}` }];
  }
  if (node.__typename === 'OcrDeployment') {
    return [{ label: column.ocrModel, value: node.ocrModel }];
  }
  return [];
}
