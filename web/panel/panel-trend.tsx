import { type ReactNode, useState } from 'react';
import { navigate } from '../address/use-address.ts';
import { Bars } from '../charts/bars.tsx';
import { drawn } from '../charts/drawn.ts';
import { granularityOf, labelsOf, rangeOf } from '../charts/spans.ts';
import { WalkedBars } from '../charts/walked-bars.tsx';
import { useFigures } from '../figures/figures.ts';
import { ChartOrTable } from '../ui/chart-or-table.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { ListTable } from '../ui/list-table.tsx';
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

/** What was used over time, as bars or as a table. A bar shows its figure above; a click narrows the range to it. */
export function PanelTrend(props: PanelTrendProps): ReactNode {
  const words = useWords();
  const [isTable, setIsTable] = useState(false);
  return (
    <Section
      title={words.panel.trend}
      aside={<ChartOrTable label={words.panel.trend} isTable={isTable} onChange={setIsTable} />}
    >
      {isTable ? <TrendTable {...props} /> : <TrendChart {...props} />}
    </Section>
  );
}

function TrendChart(props: PanelTrendProps): ReactNode {
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
    <>
      <p className="muted trend-figure" aria-hidden="true">
        {active !== null && shown !== undefined && (
          <>
            {fullOf(shown)}:{' '}
            <Figure path={`trend.${shown.from}`} value={shown.value}>
              {textOf(shown)}
            </Figure>
          </>
        )}
      </p>
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
    </>
  );
}

function TrendTable({ buckets, granularity }: PanelTrendProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const isOfRuns = typeof buckets[0]?.value === 'number';
  return (
    <ListTable label={words.panel.trend}>
      <thead>
        <tr>
          <th scope="col">{words.overview.period}</th>
          <th scope="col" className="numeric">
            {isOfRuns ? words.overview.workflowRuns : words.overview.credits}
          </th>
        </tr>
      </thead>
      <tbody>
        {buckets.map(({ from, to, isPartial, value }) => (
          <tr key={from}>
            <th scope="row">
              {labelsOf({ from, to }, granularityOf(granularity), figures).full}{' '}
              {isPartial && <span className="muted">({words.overview.isPartial})</span>}
            </th>
            <td className="numeric">
              {typeof value === 'number' ? (
                <Figure path={`trend.${from}`} value={value}>
                  {figures.count(value)}
                </Figure>
              ) : (
                <Credits path={`trend.${from}`} value={value} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </ListTable>
  );
}
