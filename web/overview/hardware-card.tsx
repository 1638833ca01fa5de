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
      <div className="scroll" role="region" aria-label={words.hardware} tabIndex={0}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{words.profile}</th>
              <th scope="col" className="end">
                {words.time}
              </th>
              <th scope="col" className="end">
                {words.peak}
              </th>
              <th scope="col" className="end">
                {words.credits}
              </th>
            </tr>
          </thead>
          <tbody>
            {usage.hardware.map(({ hardware, replicaTime, peakReplicas, credits }) => (
              <tr key={hardware.id}>
                <th scope="row">
                  {hardware.name}
                  <HardwareParts profile={hardware} />
                  <span className="share" aria-hidden="true">
                    <span
                      style={{ width: `${String(100 * shareOf(parseMicro(credits), most))}%` }}
                    />
                  </span>
                </th>
                <td className="end">
                  <Figure path={`hardware.${hardware.id}.replicaTime`} value={replicaTime}>
                    {figures.duration(replicaTime)}
                  </Figure>
                </td>
                <td className="end">
                  <Figure path={`hardware.${hardware.id}.peakReplicas`} value={peakReplicas}>
                    {figures.count(peakReplicas)}
                  </Figure>
                </td>
                <td className="end">
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
