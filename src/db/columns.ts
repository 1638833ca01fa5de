// Shared shapes of the row classes' columns.

import type { ColumnOptions } from 'typeorm';

/** A bigint column, which the driver reads and writes as a string. */
export const bigintColumn = {
  type: 'bigint',
  transformer: {
    to: (value: bigint | null | undefined): string | null | undefined =>
      value === null ? null : value?.toString(),
    from: (value: string | null): bigint | null => (value === null ? null : BigInt(value)),
  },
} as const satisfies ColumnOptions;

/** A bigint column whose values fit a JavaScript number exactly: row ids and sequences. */
export const sequenceColumn = {
  type: 'bigint',
  transformer: {
    to: (value: number | null | undefined): string | null | undefined =>
      value === null ? null : value?.toString(),
    from: (value: string | null): number | null => (value === null ? null : Number(value)),
  },
} as const satisfies ColumnOptions;

/** An instant: timestamptz in the database, epoch milliseconds in the row. */
export const instantColumn = {
  type: 'timestamptz',
  precision: 3,
  transformer: {
    to: (value: number | null | undefined): Date | null | undefined =>
      value === null || value === undefined ? value : new Date(value),
    from: (value: Date | null): number | null => (value === null ? null : value.getTime()),
  },
} as const satisfies ColumnOptions;
