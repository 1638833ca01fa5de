import { type ReactNode, type SubmitEvent, useId, useState } from 'react';
import { useWords } from '../words/words.ts';
import { signIn } from './session.ts';

/** Where the page's document says that there is a demo account to open. */
const DEMO = 'meta[name="demo"]';

/** Asks for a token: at first, or since the last one ended. */
export function SignIn({ hasEnded }: { readonly hasEnded: boolean }): ReactNode {
  const words = useWords().session;
  const [token, setToken] = useState('');
  const id = useId();
  const demo = document.querySelector(DEMO)?.getAttribute('content') ?? null;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (token.trim() !== '') signIn(token.trim());
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <h1>{hasEnded ? words.ended : words.signIn}</h1>
        <p className="muted">{hasEnded ? words.endedText : words.signInText}</p>
        <label htmlFor={id}>{words.token}</label>
        <input
          id={id}
          className="field"
          type="password"
          autoComplete="off"
          value={token}
          onChange={(event) => {
            setToken(event.target.value);
          }}
        />
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
