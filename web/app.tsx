import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react';
import { Provider } from 'urql';
import { AccountContext, ShowAccountProvider, type ShownAccount } from './account.ts';
import type { Address, Tab } from './address/address.ts';
import { useAddress } from './address/use-address.ts';
import { createClient } from './api/client.ts';
import { FiguresContext, figuresOf } from './figures/figures.ts';
import { Frame } from './frame/frame.tsx';
import { LiveProvider } from './live/live-provider.tsx';
import { Overview } from './overview/overview.tsx';
import { readerLanguage } from './preferences.ts';
import { tokenRefused, tokenTaken, useSession } from './session/session.ts';
import { SignIn } from './session/sign-in.tsx';
import { FaultBoundary, Skeleton } from './ui/card.tsx';
import { LANGUAGES, WordsContext } from './words/words.ts';

// Only the Overview is in the first load.
const RowsView = lazy(() => import('./rows/rows-view.tsx').then((m) => ({ default: m.RowsView })));
const CreditsView = lazy(() =>
  import('./credits/credits-view.tsx').then((m) => ({ default: m.CreditsView })),
);
const Panel = lazy(() => import('./panel/panel.tsx').then((m) => ({ default: m.Panel })));
const OperatorsView = lazy(() =>
  import('./operators/operators-view.tsx').then((m) => ({ default: m.OperatorsView })),
);

/** The Usage page. */
export function App(): ReactNode {
  const session = useSession();
  const { language } = readerLanguage();
  return (
    <WordsContext value={LANGUAGES[language]}>
      {session.state === 'signed-in' ? (
        <SignedIn key={session.token} token={session.token} />
      ) : (
        <SignIn state={session.state} />
      )}
    </WordsContext>
  );
}

function SignedIn({ token }: { readonly token: string }): ReactNode {
  const [isOperator, setIsOperator] = useState(false);
  const client = useMemo(
    () =>
      createClient({
        token,
        onTaken: tokenTaken,
        onNoAccount: () => {
          setIsOperator(true);
        },
        onRefused: () => {
          tokenRefused(token);
        },
      }),
    [token],
  );
  return (
    <Provider value={client}>
      <Account token={token} isOperator={isOperator} />
    </Provider>
  );
}

interface AccountProps {
  readonly token: string;
  readonly isOperator: boolean;
}

function Account({ token, isOperator }: AccountProps): ReactNode {
  const address = useAddress();
  const { tab, timeZone, accountId } = address;
  const [account, setAccount] = useState<ShownAccount | null>(null);
  const shown = accountId === null || account?.id === accountId ? account : null;
  const zone = timeZone ?? shown?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const figures = useMemo(() => figuresOf(readerLanguage().locale, zone), [zone]);
  const title = shown?.name;
  useEffect(() => {
    if (title !== undefined) document.title = title;
  }, [title]);
  if (isOperator && accountId === null) {
    return (
      <FiguresContext value={figures}>
        <Suspense fallback={<Skeleton lines={6} />}>
          <OperatorsView />
        </Suspense>
      </FiguresContext>
    );
  }
  return (
    <FiguresContext value={figures}>
      <ShowAccountProvider value={setAccount}>
        <AccountContext value={shown}>
          <LiveProvider token={token} account={shown}>
            <Frame panel={panelOf(address)}>
              <FaultBoundary key={tab}>
                <Suspense fallback={<Skeleton lines={6} />}>
                  <View tab={tab} />
                </Suspense>
              </FaultBoundary>
            </Frame>
          </LiveProvider>
        </AccountContext>
      </ShowAccountProvider>
    </FiguresContext>
  );
}

/** What is open beside the view; null: nothing. */
function panelOf({ open }: Address): ReactNode {
  if (open === null) return null;
  return (
    <FaultBoundary>
      <Suspense fallback={<aside className="panel" />}>
        <Panel id={open} />
      </Suspense>
    </FaultBoundary>
  );
}

function View({ tab }: { readonly tab: Tab }): ReactNode {
  if (tab === 'overview') return <Overview />;
  if (tab === 'credits') return <CreditsView />;
  return <RowsView key={tab} tab={tab} />;
}
