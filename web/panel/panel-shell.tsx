import { type ReactNode, useEffect, useLayoutEffect, useRef, useSyncExternalStore } from 'react';
import { navigate } from '../address/use-address.ts';
import { useWords } from '../words/words.ts';

/** Below this width the page has one column, so there is no room beside the panel. */
const SHEET = '(width < 720px)';

/** A region beside the page, which stays usable; where there is no room for that, a sheet over it. */
export function PanelShell({ children }: { readonly children: ReactNode }): ReactNode {
  const words = useWords().panel;
  const isSheet = useSyncExternalStore(onWidth, () => window.matchMedia(SHEET).matches);
  const content = (
    <>
      <div className="panel-bar">
        <button type="button" className="icon-button" onClick={close}>
          <span aria-hidden="true">✕</span>
          <span className="visually-hidden">{words.close}</span>
        </button>
      </div>
      {children}
    </>
  );
  return isSheet ? <Sheet>{content}</Sheet> : <Beside>{content}</Beside>;
}

function close(): void {
  navigate({ open: null });
}

function onWidth(listener: () => void): () => void {
  const query = window.matchMedia(SHEET);
  query.addEventListener('change', listener);
  return () => {
    query.removeEventListener('change', listener);
  };
}

// A landmark and no dialog: whoever reads the page by ear may go back and forth between the rows and it.
function Beside({ children }: { readonly children: ReactNode }): ReactNode {
  const words = useWords().panel;
  return (
    <aside
      className="panel"
      aria-label={words.title}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      {children}
    </aside>
  );
}

function Sheet({ children }: { readonly children: ReactNode }): ReactNode {
  const words = useWords().panel;
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    // A dialog that is shown already stays: React runs effects twice while developing.
    if (dialog?.open === false) dialog.showModal();
  }, []);
  return (
    <dialog
      ref={ref}
      className="panel"
      aria-label={words.title}
      onClose={close}
      onClick={({ target, currentTarget }) => {
        // The dialog itself is hit only beside its content: on the page behind it.
        if (target === currentTarget) close();
      }}
    >
      <div className="sheet">{children}</div>
    </dialog>
  );
}

/**
 * The title of what is open. The focus goes to it when it opens, and back to its row when it closes, unless it went elsewhere
 * by itself.
 */
export function PanelTitle({
  id,
  children,
}: {
  readonly id: string;
  readonly children: string;
}): ReactNode {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    ref.current?.focus();
    return () => {
      // What had the focus in the panel is gone by now.
      if (document.activeElement !== document.body) return;
      const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
      (row ?? document.getElementById('content'))?.focus();
    };
  }, [id]);
  return (
    <h2 ref={ref} tabIndex={-1}>
      {children}
    </h2>
  );
}
