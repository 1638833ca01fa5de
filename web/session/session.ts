// The token that the page calls the gateway with. It comes in the fragment (#token=…), which no server sees, from the
// platform that embeds the page, or typed in. It is kept for this browser tab only, and never stands in an address.

import { useSyncExternalStore } from 'react';
import { forget, keep, recall } from '../storage.ts';
import { askForToken, onToken } from './embedding.ts';

const STORED = 'usage.token';

export type Session =
  /** No token yet. */
  | { readonly state: 'signed-out' }
  | { readonly state: 'signed-in'; readonly token: string }
  /** The gateway does not take the token that was typed in. */
  | { readonly state: 'refused' }
  /** The gateway no longer takes the token. */
  | { readonly state: 'ended' };

let session: Session = { state: 'signed-out' };
/** The embedder is asked once for a new token, until the gateway has taken one: else two that are wrong would go on for ever. */
let hasAsked = false;
/** A token that was typed in, until the gateway has taken it. */
let untried: string | null = null;
const listeners = new Set<() => void>();

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

/** Takes the token of the address, or the one that this browser tab has, before the first request. */
export function startSession(): void {
  takeFragment();
  window.addEventListener('hashchange', takeFragment);
  if (session.state === 'signed-out') {
    const stored = recall('session', STORED);
    if (stored !== null) become({ state: 'signed-in', token: stored });
  }
  onToken(signIn);
  if (session.state === 'signed-out') hasAsked = askForToken();
}

function takeFragment(): void {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token === null || token === '') return;
  // Out of the address before anything else, so that no copied link carries it.
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  signIn(token);
}

/** Goes on with a token that was typed in. */
export function typeIn(token: string): void {
  untried = token;
  signIn(token);
}

function signIn(token: string): void {
  keep('session', STORED, token);
  become({ state: 'signed-in', token });
}

/** Whether a session's token is of one account whatever its scopes are: a portal token, which no operator has. */
export function isOfOneAccount(one: Session): boolean {
  return one.state === 'signed-in' && one.token.startsWith('bgp_');
}

/** Forgets the token. */
export function signOut(): void {
  forget('session', STORED);
  become({ state: 'signed-out' });
}

/** To be called when the gateway took the token: when it ends, the embedder can be asked for the next one. */
export function tokenTaken(): void {
  hasAsked = false;
  untried = null;
}

/**
 * To be called when the gateway refused the token: asks the embedder once for another. A token that it has never taken was typed
 * in wrongly; else the session has ended.
 */
export function tokenRefused(token: string): void {
  if (session.state !== 'signed-in' || session.token !== token) return;
  forget('session', STORED);
  become({ state: untried === token ? 'refused' : 'ended' });
  if (!hasAsked) hasAsked = askForToken();
}

/** The session as it is now. */
export function currentSession(): Session {
  return session;
}

/** Calls `listener` at every change. @returns stops that */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The session; changes with it. */
export function useSession(): Session {
  return useSyncExternalStore(onSession, currentSession);
}
