/** Epoch milliseconds by this machine's clock: only what other machines say of their time is compared with it. */
export function wallClockMs(): number {
  return Date.now();
}
