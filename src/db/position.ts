// A position in the database's write-ahead log. Whatever was committed before it was told is in every state of the database, and of its
// replicas, from that position on.

/** As PostgreSQL counts: bytes since the database was made. */
export type Position = bigint;

const HALF_BITS = 32n;

/** Reads "16/B374D848", as PostgreSQL writes it; null when it is none. */
export function parsePosition(text: string): Position | null {
  const [, high = '', low = ''] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === '') return null;
  return (BigInt(`0x${high}`) << HALF_BITS) | BigInt(`0x${low}`);
}

export function formatPosition(position: Position): string {
  const half = (value: bigint): string => value.toString(16).toUpperCase();
  return `${half(position >> HALF_BITS)}/${half(position & ((1n << HALF_BITS) - 1n))}`;
}

/** The later of two; null is before all. */
export function laterOf(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
