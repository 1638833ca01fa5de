import { type RefObject, useLayoutEffect, useRef } from 'react';

/**
 * For a bar that scrolls sideways where it is too long: brings what is chosen in it into view.
 * @param chosen what is chosen; with another one it scrolls again
 */
export function useCurrentInView(chosen: string): RefObject<HTMLElement | null> {
  const bar = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const current = bar.current?.querySelector<HTMLElement>('[aria-current]');
    if (bar.current === null || current == null) return;
    // Not scrollIntoView: the page itself stays where it is.
    const before = current.offsetLeft - bar.current.offsetLeft;
    const room = bar.current.clientWidth - current.offsetWidth;
    bar.current.scrollLeft = before - room / 2;
  }, [chosen]);
  return bar;
}
