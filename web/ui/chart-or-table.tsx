import type { ReactNode } from 'react';
import { useWords } from '../words/words.ts';

export interface ChartOrTableProps {
  /** What is shown either way. */
  readonly label: string;
  readonly isTable: boolean;
  readonly onChange: (isTable: boolean) => void;
}

/** Chooses whether figures are shown as a chart or as a table. */
export function ChartOrTable({ label, isTable, onChange }: ChartOrTableProps): ReactNode {
  const words = useWords().overview;
  return (
    <div className="segments" role="group" aria-label={label}>
      {[false, true].map((table) => (
        <button
          key={String(table)}
          type="button"
          aria-pressed={table === isTable}
          onClick={() => {
            onChange(table);
          }}
        >
          {table ? words.table : words.chart}
        </button>
      ))}
    </div>
  );
}
