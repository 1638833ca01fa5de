import type { ReactElement } from 'react';

/** The Usage page. */
export function App(): ReactElement {
  return <main>Usage</main>;
}
