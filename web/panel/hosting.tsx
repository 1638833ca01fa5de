import type { ReactNode } from 'react';
import type { HardwareUsagePartsFragment } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { HardwareParts } from '../ui/hardware-parts.tsx';
import { useWords } from '../words/words.ts';
import { Facts, Section } from './section.tsx';

export interface HostingProps<TLine> {
  readonly hardware: readonly TLine[];
  /** What explains a line. */
  readonly explain?: (line: TLine) => ReactNode;
}

/** What ran on which hardware, for how long, and what that cost. */
export function Hosting<TLine extends HardwareUsagePartsFragment>({
  hardware,
  explain,
}: HostingProps<TLine>): ReactNode {
  const words = useWords().panel;
  return (
    <Section title={words.hosting}>
      {hardware.length === 0 && <p className="muted">{words.noHosting}</p>}
      {hardware.map((line) => (
        <div key={line.hardware.id} className="hosting-line">
          <h4>
            {line.hardware.name} <HardwareParts profile={line.hardware} />
          </h4>
          <LineFacts line={line} />
          {explain?.(line)}
        </div>
      ))}
      {explain !== undefined && hardware.length > 0 && (
        <p className="muted small-text formula">{words.formula}</p>
      )}
    </Section>
  );
}

function LineFacts({ line }: { readonly line: HardwareUsagePartsFragment }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { hardware, time, replicaTime, peakReplicas, credits } = line;
  const path = `hardware.${hardware.id}`;
  return (
    <Facts
      facts={[
        {
          label: words.rows.column.time,
          value: (
            <Figure path={`${path}.time`} value={time}>
              {figures.duration(time)}
            </Figure>
          ),
        },
        {
          label: words.overview.time,
          value: (
            <Figure path={`${path}.replicaTime`} value={replicaTime}>
              {figures.duration(replicaTime)}
            </Figure>
          ),
        },
        {
          label: words.overview.peak,
          value: (
            <Figure path={`${path}.peakReplicas`} value={peakReplicas}>
              {figures.count(peakReplicas)}
            </Figure>
          ),
        },
        {
          label: words.overview.credits,
          value: <Credits path={`${path}.credits`} value={credits} />,
        },
      ]}
    />
  );
}
