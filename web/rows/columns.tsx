import type { ReactNode } from 'react';
import type { Sort } from '../address/address.ts';
import type { UsageOrderField } from '@billing-gateway/client/operations';
import type { Figures } from '../figures/figures.ts';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { Status } from '../ui/status.tsx';
import type { Words } from '../words/words.ts';
import type { Row } from './page.ts';
import type { RowsTab } from './use-rows.ts';

export type ColumnName = keyof Words['rows']['column'];

export interface Column {
  readonly name: ColumnName;
  /** What the server orders by it; null: the server does not. */
  readonly field: UsageOrderField | null;
  readonly isNumber: boolean;
  readonly cell: (
    row: Row,
    shown: { readonly figures: Figures; readonly words: Words },
  ) => ReactNode;
}

function text(
  name: ColumnName,
  field: UsageOrderField,
  of: (row: Row, words: Words) => string | null,
): Column {
  return { name, field, isNumber: false, cell: (row, { words }) => of(row, words) ?? '–' };
}

function instant(
  name: ColumnName,
  field: UsageOrderField,
  of: (row: Row) => string | null,
): Column {
  return {
    name,
    field,
    isNumber: false,
    cell: (row) => <Instant at={of(row)} />,
  };
}

function credits(
  name: ColumnName,
  field: UsageOrderField,
  of: (row: Row) => string | null,
): Column {
  return {
    name,
    field,
    isNumber: true,
    cell(row) {
      const value = of(row);
      return value === null ? '–' : <Credits path={name} value={value} />;
    },
  };
}

const NAME = text('name', 'NAME', ({ name }) => name);
const OWNER = text('owner', 'OWNER', ({ owner }) => owner);
const STATUS: Column = {
  name: 'status',
  field: 'STATUS',
  isNumber: false,
  cell: ({ status }) => (status === null ? '–' : <Status status={status} />),
};

const LAST_ACTIVE = instant('lastActive', 'LAST_ACTIVE_ON', (row) => row.lastActiveOn);
const LAST_DEPLOYED = instant('lastDeployed', 'LAST_DEPLOYED_ON', (row) => row.lastDeployedOn);
const RUNS: Column = {
  name: 'runs',
  field: 'RUNS',
  isNumber: true,
  cell: ({ runs }, { figures }) => (
    <Figure path="runs" value={runs}>
      {figures.count(runs ?? 0)}
    </Figure>
  ),
};
const TIME: Column = {
  name: 'time',
  field: 'TIME',
  isNumber: true,
  cell: ({ time }, { figures }) => (
    <Figure path="time" value={time}>
      {figures.duration(time ?? 'PT0S')}
    </Figure>
  ),
};
const CREDITS = credits('credits', 'CREDITS', (row) => row.credits);
const HOSTING = credits('hosting', 'HOSTING_CREDITS', (row) => row.hosting);
const PROCESSING = credits('processing', 'PROCESSING_CREDITS', (row) => row.processing);
const HARDWARE: Column = {
  name: 'hardware',
  field: null,
  isNumber: false,
  cell: ({ hardware }) => (hardware.length === 0 ? '–' : hardware.join(', ')),
};
const HOSTED = [HARDWARE, LAST_DEPLOYED, TIME, HOSTING, PROCESSING, CREDITS] as const;

/** The columns of each tab, the first of which names the row. */
export const COLUMNS: Record<RowsTab, readonly Column[]> = {
  workflows: [NAME, OWNER, STATUS, LAST_ACTIVE, RUNS],
  models: [
    NAME,
    text('type', 'TYPE', ({ type }, words) => (type === null ? null : words.rows.type[type])),
    LAST_DEPLOYED,
    TIME,
    credits('fineTuning', 'FINE_TUNING_CREDITS', (row) => row.fineTuning),
    HOSTING,
    credits('storage', 'STORAGE_CREDITS', (row) => row.storage),
    PROCESSING,
    CREDITS,
  ],
  guardrails: [NAME, OWNER, STATUS, ...HOSTED],
  'custom-scripts': [
    NAME,
    OWNER,
    STATUS,
    text('language', 'LANGUAGE', ({ detail }) => detail),
    ...HOSTED,
  ],
  ocr: [NAME, OWNER, STATUS, text('ocrModel', 'OCR_MODEL', ({ detail }) => detail), ...HOSTED],
  'browser-automation': [NAME, OWNER, STATUS, ...HOSTED],
};

/** The order of a tab when the address names none: the most first. */
export function ownOrder(tab: RowsTab): Sort {
  return { field: tab === 'workflows' ? 'runs' : 'credits', descending: true };
}
