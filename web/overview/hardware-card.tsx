import type { ReactNode } from 'react';
import { parseMicro } from '../../src/core/micro.ts';
import { shareOf } from '../figures/decimal.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { HardwareParts } from '../ui/hardware-parts.tsx';
import { Cell, StackedTable } from '../ui/stacked-table.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewUsage } from './categories.ts';

/** What ran on which hardware, and what it cost. */
export function HardwareCard({ usage }: { readonly usage: OverviewUsage }): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const most = usage.hardware.reduce(
    (max, { credits }) => (parseMicro(credits) > max ? parseMicro(credits) : max),
    0n,
  );
  if (usage.hardware.length === 0) {
    return (
      <Card title={words.hardware} className="hardware">
        <p className="muted">{words.noHardware}</p>
      </Card>
    );
  }
  return (
    <Card title={words.hardware} className="hardware">
      <StackedTable
        label={words.hardware}
        columns={[
          { label: words.profile },
          { label: words.time, isNumeric: true },
          { label: words.peak, isNumeric: true },
          { label: words.credits, isNumeric: true },
        ]}
      >
        <tbody role="rowgroup">
          {usage.hardware.map(({ hardware, replicaTime, peakReplicas, credits }) => (
            <tr key={hardware.id} role="row">
              <th role="rowheader" scope="row">
                {hardware.name}
                <HardwareParts profile={hardware} />
                <span className="share" aria-hidden="true">
                  <span style={{ width: `${String(100 * shareOf(parseMicro(credits), most))}%` }} />
                </span>
              </th>
              <Cell label={words.time} isNumeric>
                <Figure path={`hardware.${hardware.id}.replicaTime`} value={replicaTime}>
                  {figures.duration(replicaTime)}
                </Figure>
              </Cell>
              <Cell label={words.peak} isNumeric>
                <Figure path={`hardware.${hardware.id}.peakReplicas`} value={peakReplicas}>
                  {figures.count(peakReplicas)}
                </Figure>
              </Cell>
              <Cell label={words.credits} isNumeric>
                <Credits path={`hardware.${hardware.id}.credits`} value={credits} />
              </Cell>
            </tr>
          ))}
        </tbody>
      </StackedTable>
    </Card>
  );
}
