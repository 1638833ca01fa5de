import { useEffect, useEffectEvent } from 'react';

const EVERY_MS = 60_000;

/** Calls `refresh` each minute while somebody looks at the page, and as soon as somebody looks again. */
export function useRefresh(refresh: () => void): void {
  const refreshIfSeen = useEffectEvent(() => {
    if (!document.hidden) refresh();
  });
  useEffect(() => {
    const onTime = (): void => {
      refreshIfSeen();
    };
    const timer = setInterval(onTime, EVERY_MS);
    document.addEventListener('visibilitychange', onTime);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onTime);
    };
  }, []);
}
