import { GraphiQL } from 'graphiql';
import { type ReactElement, type SubmitEvent, useMemo, useState } from 'react';
import { askerOf } from './ask.ts';
import { FIRST_QUERY } from './first-query.ts';

/** A key is typed in once: this browser keeps it for this address, until another one is typed in. */
const STORED_KEY = 'billing-gateway:key';

/** The key to begin with: the token that a link brought, which is taken out of the address, or the key that was kept. */
export function takeFirstKey(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token !== null) history.replaceState(null, '', location.pathname);
  return token ?? localStorage.getItem(STORED_KEY) ?? '';
}

export interface ExplorerProps {
  readonly firstKey: string;
  /** Where the demo is opened; null: there is none. */
  readonly demo: string | null;
}

/** The bar with the key, and GraphiQL below it. */
export function Explorer({ firstKey, demo }: ExplorerProps): ReactElement {
  const [key, setKey] = useState(firstKey);
  const [isValid, setValid] = useState<boolean | null>(null);
  const ask = useMemo(() => askerOf({ key, onKey: setValid }), [key]);
  const use = (typed: string): void => {
    if (typed === '') localStorage.removeItem(STORED_KEY);
    else localStorage.setItem(STORED_KEY, typed);
    setValid(null);
    setKey(typed);
  };
  return (
    <>
      <header className="bar">
        <a href="/usage">Billing gateway</a>
        <KeyField stored={key} state={stateOf(key, isValid)} onUse={use} />
      </header>
      <main className="explorer">
        {key === '' ? (
          <p className="no-key">
            Type in an API key at the top: the schema and every answer need one.
            {demo !== null && (
              <>
                {' '}
                Or <a href={demo}>look at a demo account</a>.
              </>
            )}
          </p>
        ) : (
          // A new key makes a new explorer, which reads the schema with it.
          <GraphiQL
            key={key}
            fetcher={ask}
            initialQuery={FIRST_QUERY}
            defaultEditorToolsVisibility="variables"
            isHeadersEditorEnabled={false}
          />
        )}
      </main>
    </>
  );
}

function stateOf(key: string, isValid: boolean | null): string {
  if (key === '') return 'Type in an API key.';
  if (isValid === null) return '';
  return isValid ? 'Key accepted' : 'This key is not valid.';
}

interface KeyFieldProps {
  readonly stored: string;
  readonly state: string;
  readonly onUse: (typed: string) => void;
}

function KeyField({ stored, state, onUse }: KeyFieldProps): ReactElement {
  const [typed, setTyped] = useState(stored);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onUse(typed.trim().replace(/^Bearer\s+/i, ''));
  };
  return (
    <form onSubmit={submit}>
      <span role="status">{state}</span>
      <input
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="API key"
        aria-label="API key"
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
        }}
      />
      <button type="submit">Use key</button>
    </form>
  );
}
