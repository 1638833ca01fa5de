import { type ReactNode, useSyncExternalStore } from 'react';
import { useWords } from '../words/words.ts';

/** Calls `listener` when the browser loses its network, and when it has it again. @returns stops that */
export function onNetwork(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}

/** Says so while the browser has no network. `text`: in other words. */
export function OfflineNotice({ text }: { readonly text?: string }): ReactNode {
  const words = useWords().state;
  const isOnline = useSyncExternalStore(onNetwork, () => navigator.onLine);
  return <div role="status">{!isOnline && <p className="offline">{text ?? words.offline}</p>}</div>;
}
