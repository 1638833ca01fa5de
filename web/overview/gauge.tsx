import type { ReactNode } from 'react';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import { gaugeSpan, placeOn } from './gauge-span.ts';
import type { OverviewAccount } from './categories.ts';

export interface GaugeProps {
  readonly account: OverviewAccount;
  readonly remainingMicro: bigint;
  readonly state: string;
}

interface Mark {
  readonly name: 'negative' | 'zero' | 'low' | 'end';
  readonly label: string;
  readonly path: string;
  readonly micro: bigint;
}

/** The balance between the levels that matter. Debt reaches from zero to the left. */
export function Gauge({ account, remainingMicro, state }: GaugeProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const marks = useMarks(account);
  const span = gaugeSpan([
    remainingMicro,
    parseMicro(account.credits.allocated),
    ...marks.map(({ micro }) => micro),
  ]);
  const zero = placeOn(span, 0n);
  const end = placeOn(span, remainingMicro);
  return (
    <div className="gauge">
      <div
        className="gauge-track"
        role="img"
        aria-label={words.gauge(figures.credits(formatMicro(remainingMicro)))}
      >
        <span
          className={`gauge-fill fill-${state}`}
          style={{ left: percent(Math.min(zero, end)), width: percent(Math.abs(end - zero)) }}
        />
        {marks.map(({ name, micro }) => (
          <span
            key={name}
            className={`gauge-mark mark-${name}`}
            style={{ left: percent(placeOn(span, micro)) }}
          />
        ))}
      </div>
      <ul className="gauge-legend">
        {marks.map(({ name, label, path, micro }) => (
          <li key={name}>
            <span className={`gauge-mark mark-${name}`} aria-hidden="true" />
            {label}{' '}
            {name !== 'zero' && (
              <Figure path={path} value={formatMicro(micro)}>
                {figures.credits(formatMicro(micro))}
              </Figure>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function useMarks({ creditPolicy, projection }: OverviewAccount): readonly Mark[] {
  const words = useWords().overview;
  const ends = projection.remainingCredits;
  const marks: readonly Mark[] = [
    {
      name: 'negative',
      label: words.negativeLimit,
      path: 'creditPolicy.negativeLimit',
      micro: parseMicro(creditPolicy.negativeLimit),
    },
    { name: 'zero', label: words.zero, path: 'zero', micro: 0n },
    {
      name: 'low',
      label: words.lowLimit,
      path: 'creditPolicy.lowCredit',
      micro: parseMicro(creditPolicy.lowCredit),
    },
  ];
  if (ends === null) return marks;
  return [
    ...marks,
    {
      name: 'end',
      label: words.cycleEnd,
      path: 'projection.remainingCredits',
      micro: parseMicro(ends),
    },
  ];
}

function percent(share: number): string {
  return `${String(Math.round(share * 10_000) / 100)}%`;
}
