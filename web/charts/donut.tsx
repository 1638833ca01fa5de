import { Group } from '@visx/group';
import { Pie } from '@visx/shape';
import type { ReactNode } from 'react';

export interface Slice {
  readonly key: string;
  readonly className: string;
  readonly value: number;
}

export interface DonutProps {
  readonly slices: readonly Slice[];
  readonly active: string | null;
  readonly onActive: (key: string | null) => void;
  /** What stands in the hole. */
  readonly children: ReactNode;
}

const SIZE = 184;
const THICKNESS = 26;

/** A ring of shares. Its legend says the figures; slices of nothing are in the legend only. */
export function Donut({ slices, active, onActive, children }: DonutProps): ReactNode {
  const shown = slices.filter(({ value }) => value > 0);
  return (
    <div className="donut">
      <svg width={SIZE} height={SIZE} aria-hidden="true">
        <Group top={SIZE / 2} left={SIZE / 2}>
          <circle className="donut-ground" r={(SIZE - THICKNESS) / 2} strokeWidth={THICKNESS} />
          <Pie
            data={shown}
            pieValue={({ value }) => value}
            pieSort={null}
            pieSortValues={null}
            outerRadius={SIZE / 2}
            innerRadius={SIZE / 2 - THICKNESS}
            padAngle={shown.length > 1 ? 0.02 : 0}
          >
            {({ arcs, path }) =>
              arcs.map((arc) => (
                <path
                  key={arc.data.key}
                  d={path(arc) ?? undefined}
                  className={`${arc.data.className} ${isDimmed(active, arc.data.key) ? 'dimmed' : ''}`}
                  onPointerEnter={() => {
                    onActive(arc.data.key);
                  }}
                  onPointerLeave={() => {
                    onActive(null);
                  }}
                />
              ))
            }
          </Pie>
        </Group>
      </svg>
      <div className="donut-hole">{children}</div>
    </div>
  );
}

function isDimmed(active: string | null, key: string): boolean {
  return active !== null && active !== key;
}
