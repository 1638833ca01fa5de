import type { ReactNode } from 'react';
import { parseMicro } from '../../src/core/micro.ts';
import { shareOf } from '../figures/decimal.ts';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { HardwareParts } from '../ui/hardware-parts.tsx';
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
      {/* On a small screen each row is a list (styles/credits.css), which takes the table's roles in some browsers. */}
      <div className="scroll" role="region" aria-label={words.hardware} tabIndex={0}>
        <table className="plain stacked" role="table">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                {words.profile}
              </th>
              {[words.time, words.peak, words.credits].map((label) => (
                <th key={label} role="columnheader" scope="col" className="end">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {usage.hardware.map(({ hardware, replicaTime, peakReplicas, credits }) => (
              <tr key={hardware.id} role="row">
                <th role="rowheader" scope="row">
                  {hardware.name}
                  <HardwareParts profile={hardware} />
                  <span className="share" aria-hidden="true">
                    <span
                      style={{ width: `${String(100 * shareOf(parseMicro(credits), most))}%` }}
                    />
                  </span>
                </th>
                <td role="cell" className="end" data-label={words.time}>
                  <Figure path={`hardware.${hardware.id}.replicaTime`} value={replicaTime}>
                    {figures.duration(replicaTime)}
                  </Figure>
                </td>
                <td role="cell" className="end" data-label={words.peak}>
                  <Figure path={`hardware.${hardware.id}.peakReplicas`} value={peakReplicas}>
                    {figures.count(peakReplicas)}
                  </Figure>
                </td>
                <td role="cell" className="end" data-label={words.credits}>
                  <Credits path={`hardware.${hardware.id}.credits`} value={credits} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
