import { type ReactNode, type SubmitEvent, useId, useState } from 'react';
import { OfflineNotice } from '../ui/online.tsx';
import { useWords } from '../words/words.ts';
import { type Session, typeIn } from './session.ts';

/** Where the page's document says that there is a demo account to open. */
const DEMO = 'meta[name="demo"]';

export interface SignInProps {
  readonly state: Exclude<Session['state'], 'signed-in'>;
}

/** Asks for a token: at first, again after a wrong one, or since the last one ended. */
export function SignIn({ state }: SignInProps): ReactNode {
  const words = useWords().session;
  const [token, setToken] = useState('');
  const [id, errorId] = [useId(), useId()];
  const demo = document.querySelector(DEMO)?.getAttribute('content') ?? null;
  const isRefused = state === 'refused';
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (token.trim() !== '') typeIn(token.trim());
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <h1>{state === 'ended' ? words.ended : words.signIn}</h1>
        <p className="muted">{state === 'ended' ? words.endedText : words.signInText}</p>
        <OfflineNotice text={words.offline} />
        <label htmlFor={id}>{words.token}</label>
        <input
          id={id}
          className="field"
          type="password"
          autoComplete="off"
          autoFocus={isRefused}
          aria-invalid={isRefused}
          aria-describedby={isRefused ? errorId : undefined}
          value={token}
          onChange={(event) => {
            setToken(event.target.value);
          }}
        />
        {isRefused && (
          <p id={errorId} className="field-error" role="alert">
            {words.refused}
          </p>
        )}
        <div className="row">
          <button type="submit" className="button primary">
            {words.open}
          </button>
          {demo !== null && <a href={demo}>{words.demo}</a>}
        </div>
      </form>
    </main>
  );
}
