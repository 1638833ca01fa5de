import { type ReactNode, useState } from 'react';
import { navigate } from '../address/use-address.ts';
import { Bars } from '../charts/bars.tsx';
import { drawn } from '../charts/drawn.ts';
import { granularityOf, labelsOf, rangeOf } from '../charts/spans.ts';
import { WalkedBars } from '../charts/walked-bars.tsx';
import { useFigures } from '../figures/figures.ts';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import { Section } from './section.tsx';

const HEIGHT = 140;

export interface TrendBucket {
  readonly from: string;
  readonly to: string;
  readonly isPartial: boolean;
  /** Credits, or runs as a number. */
  readonly value: string | number;
}

export interface PanelTrendProps {
  readonly granularity: string;
  readonly buckets: readonly TrendBucket[];
  /** The class of the bars' colour. */
  readonly className: string;
}

/** What was used over time, as bars. A bar shows its figure above; a click narrows the range to it. */
export function PanelTrend(props: PanelTrendProps): ReactNode {
  const { buckets, className } = props;
  const words = useWords();
  const figures = useFigures();
  const [chosen, setChosen] = useState<number | null>(null);
  const granularity = granularityOf(props.granularity);
  const active = chosen !== null && chosen < buckets.length ? chosen : null;
  const shown = buckets[active ?? buckets.length - 1];
  const textOf = ({ value }: TrendBucket): string =>
    typeof value === 'number'
      ? `${figures.count(value)} ${words.credit.runs}`
      : `${figures.credits(value)} ${words.credit.credits}`;
  const fullOf = (bucket: TrendBucket): string => {
    const { full } = labelsOf(bucket, granularity, figures);
    return bucket.isPartial ? `${full} (${words.overview.isPartial})` : full;
  };
  return (
    <Section
      title={words.panel.trend}
      aside={
        active !== null &&
        shown !== undefined && (
          <span className="muted" aria-hidden="true">
            {fullOf(shown)}:{' '}
            <Figure path={`trend.${shown.from}`} value={shown.value}>
              {textOf(shown)}
            </Figure>
          </span>
        )
      }
    >
      <WalkedBars
        count={buckets.length}
        active={active}
        onActive={setChosen}
        onShow={(index) => {
          const bucket = buckets[index];
          if (bucket === undefined) return;
          const range = rangeOf(bucket, granularity, figures.timeZone);
          navigate({ range, granularity: null });
        }}
        label={words.panel.trend}
        description={words.overview.walk}
        valueText={shown === undefined ? '' : `${fullOf(shown)}: ${textOf(shown)}`}
      >
        {(width) => (
          <Bars
            data={buckets.map((bucket) => ({
              key: bucket.from,
              label: labelsOf(bucket, granularity, figures).axis,
              parts: [{ className, value: drawn(String(bucket.value)) }],
              isPartial: bucket.isPartial,
            }))}
            width={width}
            height={HEIGHT}
            ticks={2}
            tickLabel={figures.tick}
            active={active}
            hasLabels
          />
        )}
      </WalkedBars>
    </Section>
  );
}
