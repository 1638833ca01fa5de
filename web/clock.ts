// The browser's clocks. Everything else takes an instant as an argument, or reads one here.

/** This machine's idea of now, in epoch milliseconds. The server's may differ: see live/use-now.ts. */
export function wallClockMs(): number {
  return Date.now();
}

/** Milliseconds that only ever grow, also when the machine's clock is set. */
export function monotonicMs(): number {
  return performance.now();
}
