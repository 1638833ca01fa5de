import type { ReactNode } from 'react';
import type { ThresholdPartsFragment } from '@billing-gateway/client/operations';
import { type Figures, useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords, type Words } from '../words/words.ts';

/** What the account wants to be warned of. */
export function ThresholdsCard({
  thresholds,
}: {
  readonly thresholds: readonly ThresholdPartsFragment[];
}): ReactNode {
  const words = useWords().creditsTab;
  const figures = useFigures();
  return (
    <Card title={words.thresholds}>
      {thresholds.length === 0 && <p className="muted">{words.noThresholds}</p>}
      {thresholds.length > 0 && (
        <ListTable label={words.thresholds}>
          <tbody>
            {thresholds.map((threshold) => (
              <tr key={threshold.id}>
                <th scope="row">
                  {measureText(threshold, words, figures)}
                  {threshold.label !== null && <span className="list-sub">{threshold.label}</span>}
                  {threshold.lastFiredAt !== null && (
                    <span className="list-sub">
                      {words.fired(figures.instant(threshold.lastFiredAt))}
                    </span>
                  )}
                </th>
                <td className="numeric">{threshold.armed ? words.armed : words.notArmed}</td>
              </tr>
            ))}
          </tbody>
        </ListTable>
      )}
    </Card>
  );
}

function measureText(
  { measure, value }: ThresholdPartsFragment,
  words: Words['creditsTab'],
  figures: Figures,
): string {
  const text = words.measure[measure];
  switch (measure) {
    case 'CREDITS_REMAINING':
      return text(figures.credits(value));
    case 'HOURS_TO_STOP':
      return text(figures.hours(value));
    case 'CREDITS_USED_PERCENT':
    case 'RUNS_USED_PERCENT':
      return text(figures.percent(Number(value)));
  }
}
