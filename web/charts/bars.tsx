import { scaleBand, scaleLinear } from '@visx/scale';
import { Bar } from '@visx/shape';
import { type ReactNode, useId } from 'react';
import { type BarDatum, type BarPart, labelStep } from './drawn.ts';

export interface BarsProps {
  readonly data: readonly BarDatum[];
  readonly width: number;
  readonly height: number;
  readonly ticks: number;
  readonly tickLabel: (value: number) => string;
  readonly active: number | null;
  readonly hasLabels: boolean;
  /** Of what is counted: no tick stands between two whole numbers. */
  readonly isCount?: boolean;
}

export const AXIS_WIDTH = 44;
const LABELS_HEIGHT = 24;
const LABEL_WIDTH = 64;
const TOP = 8;

/** Stacked bars from zero. A drawing only: what stands around it says the figures and takes pointer and keys. */
export function Bars(props: BarsProps): ReactNode {
  const { data, width, height, ticks, tickLabel, active, hasLabels, isCount = false } = props;
  const hatch = `hatch${useId().replace(/\W/g, '')}`;
  const bottom = height - (hasLabels ? LABELS_HEIGHT : 4);
  const x = scaleBand({
    domain: data.map((_, index) => index),
    range: [AXIS_WIDTH, width],
    paddingInner: 0.25,
    paddingOuter: 0.125,
  });
  const most = Math.max(...data.map(({ parts }) => sum(parts)), 0);
  const y = scaleLinear({ domain: [0, most > 0 ? most : 1], range: [bottom, TOP], nice: ticks });
  const marks =
    most > 0 ? y.ticks(ticks).filter((tick) => !isCount || Number.isInteger(tick)) : [0];
  const step = labelStep(data.length, width - AXIS_WIDTH, LABEL_WIDTH);
  return (
    <svg width={width} height={height} aria-hidden="true">
      <Hatch id={hatch} />
      {marks.map((tick) => (
        <g key={tick}>
          <line className="grid-line" x1={AXIS_WIDTH} x2={width} y1={y(tick)} y2={y(tick)} />
          <text className="axis" x={AXIS_WIDTH - 8} y={y(tick)} dy="0.32em" textAnchor="end">
            {tickLabel(tick)}
          </text>
        </g>
      ))}
      {active !== null && (
        <rect
          className="bar-ground"
          x={(x(active) ?? 0) - x.step() * 0.125}
          width={x.step()}
          y={TOP}
          height={bottom - TOP}
        />
      )}
      {data.map((bar, index) => (
        <Stack
          key={bar.key}
          bar={bar}
          x={x(index) ?? 0}
          width={x.bandwidth()}
          y={y}
          hatch={hatch}
        />
      ))}
      {hasLabels &&
        data.map((bar, index) =>
          index % step === 0 ? (
            <text
              key={bar.key}
              className="axis"
              x={(x(index) ?? 0) + x.bandwidth() / 2}
              y={height - 6}
              textAnchor="middle"
            >
              {bar.label}
            </text>
          ) : null,
        )}
    </svg>
  );
}

interface StackProps {
  readonly bar: BarDatum;
  readonly x: number;
  readonly width: number;
  readonly y: (value: number) => number;
  readonly hatch: string;
}

function Stack({ bar, x, width, y, hatch }: StackProps): ReactNode {
  const total = sum(bar.parts);
  const place = { x, width };
  return (
    <g>
      {bar.parts.map(({ className, value }, index) => {
        const from = sum(bar.parts.slice(0, index));
        const top = y(from + value);
        return (
          value > 0 && (
            <Bar key={className} {...place} className={className} y={top} height={y(from) - top} />
          )
        );
      })}
      {bar.isPartial && total > 0 && (
        <rect {...place} y={y(total)} height={y(0) - y(total)} fill={`url(#${hatch})`} />
      )}
    </g>
  );
}

function Hatch({ id }: { readonly id: string }): ReactNode {
  return (
    <defs>
      <pattern
        id={id}
        width="6"
        height="6"
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(45)"
      >
        <rect className="hatch" width="2.5" height="6" />
      </pattern>
    </defs>
  );
}

function sum(parts: readonly BarPart[]): number {
  return parts.reduce((total, { value }) => total + value, 0);
}
