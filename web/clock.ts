// The one place where the page reads the browser's clock.

/** Now, by this browser's clock, which need not agree with the server's. */
export function browserNowMs(): number {
  return Date.now();
}
