import { type ReactNode, useState } from 'react';
import { GRANULARITIES } from '../address/address.ts';
import { fittingGranularity } from '../address/inputs.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { Bars } from '../charts/bars.tsx';
import { granularitiesOf, granularityOf, rangeOf } from '../charts/spans.ts';
import { WalkedBars } from '../charts/walked-bars.tsx';
import { useFigures } from '../figures/figures.ts';
import { Card } from '../ui/card.tsx';
import { ChartOrTable } from '../ui/chart-or-table.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewAccount } from './categories.ts';
import { creditBars, runBars, type TrendBar, trendBars } from './trend-bars.ts';
import { TrendLegend } from './trend-legend.tsx';
import { TrendTable } from './trend-table.tsx';

const CREDITS_HEIGHT = 220;
const RUNS_HEIGHT = 104;

/** Credits and workflow runs over time, as two charts over the same bars or as a table. */
export function TrendCard({ account }: { readonly account: OverviewAccount }): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const { range } = useAddress();
  const [isTable, setIsTable] = useState(false);
  const { trend } = account.usage;
  const granularity = granularityOf(trend.granularity);
  const isRunningCycle = range.kind === 'preset' && range.preset === 'cycle';
  const days = isRunningCycle && granularity !== 'hour' ? account.projection.days : [];
  const bars = trendBars(trend.buckets, days, granularity, figures);
  return (
    <Card
      title={words.trend}
      className="trend"
      aside={
        <div className="row">
          <GranularityChooser account={account} />
          <ChartOrTable label={words.trend} isTable={isTable} onChange={setIsTable} />
        </div>
      }
    >
      {isTable ? <TrendTable bars={bars} /> : <TrendCharts bars={bars} account={account} />}
    </Card>
  );
}

function GranularityChooser({ account }: { readonly account: OverviewAccount }): ReactNode {
  const words = useWords().overview;
  const granularity = fittingGranularity(useAddress());
  const possible = granularitiesOf(account.usage.range);
  const shown = GRANULARITIES.filter((one) => possible.includes(one) || one === granularity);
  return (
    <select
      className="field small"
      aria-label={words.by}
      value={granularity ?? 'auto'}
      onChange={({ target }) => {
        navigate({ granularity: shown.find((one) => one === target.value) ?? null });
      }}
    >
      <option value="auto">{words.granularity.auto}</option>
      {shown.map((one) => (
        <option key={one} value={one}>
          {words.granularity[one]}
        </option>
      ))}
    </select>
  );
}

interface ChartsProps {
  readonly bars: readonly TrendBar[];
  readonly account: OverviewAccount;
}

function TrendCharts({ bars, account }: ChartsProps): ReactNode {
  const words = useWords().overview;
  const figures = useFigures();
  const [chosen, setChosen] = useState<number | null>(null);
  const active = chosen !== null && chosen < bars.length ? chosen : null;
  const show = (index: number): void => {
    const bar = bars[index];
    if (bar?.used == null) return;
    const { granularity } = account.usage.trend;
    const { timeZone } = account.usage.range;
    navigate({ range: rangeOf(bar, granularityOf(granularity), timeZone), granularity: null });
  };
  const common = { active, tickLabel: figures.tick };
  return (
    <>
      <TrendLegend bar={active === null ? null : (bars[active] ?? null)} bars={bars} />
      <WalkedBars
        count={bars.length}
        active={active}
        onActive={setChosen}
        onShow={show}
        label={words.creditsChart}
        description={words.walk}
        valueText={useBarText(bars[active ?? bars.length - 1])}
      >
        {(width) => (
          <>
            <Bars
              {...common}
              width={width}
              data={creditBars(bars)}
              height={CREDITS_HEIGHT}
              ticks={4}
              hasLabels={false}
            />
            <p className="muted chart-title">{words.workflowRuns}</p>
            <Bars
              {...common}
              width={width}
              data={runBars(bars)}
              isCount
              height={RUNS_HEIGHT}
              ticks={2}
              hasLabels
            />
          </>
        )}
      </WalkedBars>
    </>
  );
}

function useBarText(bar: TrendBar | undefined): string {
  const words = useWords();
  const figures = useFigures();
  if (bar === undefined) return '';
  const { labels, used, expected } = bar;
  const parts = [
    ...(used === null
      ? []
      : [
          `${figures.credits(used.credits)} ${words.credit.credits}`,
          `${figures.count(used.workflowRuns)} ${words.credit.runs}`,
        ]),
    ...(used?.isPartial === true ? [words.overview.isPartial] : []),
    ...(expected === null
      ? []
      : [
          `${words.overview.expected}: ${figures.credits(expected.credits)} ${words.credit.credits}`,
        ]),
  ];
  return `${labels.full}: ${parts.join(', ')}`;
}
