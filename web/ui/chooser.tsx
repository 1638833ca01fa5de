import { type ReactNode, useEffect, useRef } from 'react';
import { useWords } from '../words/words.ts';

interface Option {
  readonly value: string;
  readonly text: string;
}

export interface ChooserProps {
  readonly label: string;
  readonly options: readonly Option[];
  readonly chosen: readonly string[];
  /** What no choice means. */
  readonly any: string;
  readonly onChange: (chosen: readonly string[]) => void;
}

/** A choice of any number of values, behind a button that says which they are. */
export function Chooser({ label, options, chosen, any, onChange }: ChooserProps): ReactNode {
  const words = useWords().chooser;
  const details = useRef<HTMLDetailsElement>(null);
  useClosing(details);
  const names = options.filter(({ value }) => chosen.includes(value)).map(({ text }) => text);
  return (
    <details ref={details} className="chooser">
      <summary className="field">
        <span className="muted">{label}</span> <span>{shortened(names, any, words.more)}</span>
      </summary>
      <div className="chooser-options" role="group" aria-label={label}>
        {options.map(({ value, text }) => (
          <label key={value}>
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              onChange={({ target }) => {
                const others = chosen.filter((one) => one !== value);
                onChange(target.checked ? [...others, value] : others);
              }}
            />
            {text}
          </label>
        ))}
        <button
          type="button"
          className="button"
          disabled={names.length === 0}
          onClick={() => {
            onChange([]);
          }}
        >
          {words.clear}
        </button>
      </div>
    </details>
  );
}

function shortened(
  [first, ...others]: readonly string[],
  any: string,
  more: (count: string) => string,
): string {
  if (first === undefined) return any;
  return others.length === 0 ? first : `${first} ${more(String(others.length))}`;
}

/** Escape closes it and returns to its button; a press or the focus elsewhere closes it too. */
function useClosing(details: { readonly current: HTMLDetailsElement | null }): void {
  useEffect(() => {
    const leave = ({ target }: Event): void => {
      const { current } = details;
      if (current !== null && target instanceof Node && !current.contains(target)) {
        current.open = false;
      }
    };
    const escape = (event: KeyboardEvent): void => {
      const { current } = details;
      if (event.key !== 'Escape' || !current?.open) return;
      current.open = false;
      current.querySelector('summary')?.focus();
    };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('focusin', leave);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('focusin', leave);
      document.removeEventListener('keydown', escape);
    };
  }, [details]);
}
