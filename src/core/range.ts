/** A stretch of time, half-open: `toMs` is not included. Epoch milliseconds. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The part that both have, or null when they only touch or lie apart. */
export function intersect(a: Range, b: Range): Range | null {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  const toMs = Math.min(a.toMs, b.toMs);
  return fromMs < toMs ? { fromMs, toMs } : null;
}

/** Length in milliseconds; never negative. */
export function lengthMs(range: Range): number {
  return Math.max(0, range.toMs - range.fromMs);
}

/** The instant as the API prints it: UTC with milliseconds. */
export function isoInstant(atMs: number): string {
  return new Date(atMs).toISOString();
}
