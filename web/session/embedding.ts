// What the page and a platform that embeds it say to each other (docs/embedding.md). Messages go to, and are taken from, the
// origin of the embedder alone.

const EMBEDDER: { readonly window: Window; readonly origin: string } | null = findEmbedder();

function findEmbedder(): { readonly window: Window; readonly origin: string } | null {
  if (window.parent === window) return null;
  // Firefox has no ancestorOrigins. The gateway lets itself be embedded only where the referrer is sent.
  const ancestor = (window.location.ancestorOrigins as DOMStringList | undefined)?.[0];
  const origin = ancestor ?? originOf(document.referrer);
  return origin === null ? null : { window: window.parent, origin };
}

function originOf(address: string): string | null {
  try {
    return new URL(address).origin;
  } catch {
    return null;
  }
}

/** Whether another page embeds this one. */
export function isEmbedded(): boolean {
  return EMBEDDER !== null;
}

/** Asks the embedder for a token. @returns whether there is one to ask */
export function askForToken(): boolean {
  EMBEDDER?.window.postMessage({ type: 'usage:token-needed' }, EMBEDDER.origin);
  return EMBEDDER !== null;
}

/** Calls `take` with each token that the embedder sends. */
export function onToken(take: (token: string) => void): void {
  if (EMBEDDER === null) return;
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.source !== EMBEDDER.window || event.origin !== EMBEDDER.origin) return;
    const token = tokenOf(event.data);
    if (token !== null) take(token);
  });
}

function tokenOf(message: unknown): string | null {
  if (typeof message !== 'object' || message === null) return null;
  if (!('type' in message) || message.type !== 'usage:token') return null;
  return 'token' in message && typeof message.token === 'string' ? message.token : null;
}

/** Tells the embedder the height of the page whenever it changes, so that the frame needs no scroll bar of its own. */
export function tellHeight(): void {
  if (EMBEDDER === null) return;
  let told = 0;
  const observer = new ResizeObserver(() => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === told) return;
    told = height;
    EMBEDDER.window.postMessage({ type: 'usage:height', height }, EMBEDDER.origin);
  });
  observer.observe(document.body);
}
