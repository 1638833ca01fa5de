import { type ReactNode, useState } from 'react';
import type { CreditBalancePartsFragment } from '../api/operations.ts';
import { monotonicMs } from '../clock.ts';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { useFigures } from '../figures/figures.ts';
import { LiveContext, useLive } from '../live/live.ts';
import { useLiveBalance, useServerNow } from '../live/use-now.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import { countdownTo, stateNow } from './balance.ts';
import type { OverviewAccount } from './categories.ts';
import { Gauge } from './gauge.tsx';

/** What is left, how fast it burns, and when it is used up. */
export function BalanceCard({ account }: { readonly account: OverviewAccount }): ReactNode {
  const live = useLive();
  const receivedAtMs = useReceivedAtMs(account.credits);
  // Until the first tick, and while the socket is down, the view's own answer is the newest.
  const isNewer = live.balance === null || live.balance.asOf < account.credits.asOf;
  const newest = isNewer ? { ...live, balance: account.credits, receivedAtMs } : live;
  return (
    <LiveContext value={newest}>
      <Balance account={account} balance={newest.balance ?? account.credits} />
    </LiveContext>
  );
}

function useReceivedAtMs(balance: CreditBalancePartsFragment): number {
  const [received, setReceived] = useState(() => ({ balance, atMs: monotonicMs() }));
  if (received.balance.asOf === balance.asOf) return received.atMs;
  const atMs = monotonicMs();
  setReceived({ balance, atMs });
  return atMs;
}

interface BalanceProps {
  readonly account: OverviewAccount;
  readonly balance: CreditBalancePartsFragment;
}

function Balance({ account, balance }: BalanceProps): ReactNode {
  const words = useWords();
  const remainingMicro = useLiveBalance() ?? parseMicro(balance.remaining);
  const levels = {
    lowMicro: parseMicro(account.creditPolicy.lowCredit),
    negativeLimitMicro: parseMicro(account.creditPolicy.negativeLimit),
  };
  const remaining = formatMicro(remainingMicro);
  const state = stateNow(balance.state, remainingMicro, levels);
  return (
    <Card
      title={words.overview.balance}
      className="balance"
      aside={<span className={`state state-${state}`}>{words.credit.state[state]}</span>}
    >
      <p className="numeral">
        <Credits path="balance.remaining" value={remaining} isSingle />{' '}
        <span className="unit">
          <Credits
            path="balance.allocated"
            value={balance.allocated}
            inWords={words.overview.of}
            isSingle
          />
        </span>
      </p>
      <Gauge account={account} remainingMicro={remainingMicro} state={state} />
      <dl className="countdowns">
        <div>
          <dt>{words.overview.burn}</dt>
          <dd>
            {parseMicro(balance.burnRatePerHour) === 0n ? (
              <Figure path="balance.burnRatePerHour" value={balance.burnRatePerHour}>
                {words.overview.nothingRuns}
              </Figure>
            ) : (
              <Credits
                path="balance.burnRatePerHour"
                value={balance.burnRatePerHour}
                inWords={words.overview.anHour}
                isSingle
              />
            )}
          </dd>
        </div>
        <Countdown
          path="balance.exhaustsAt"
          title={words.overview.usedUpIn}
          at={balance.exhaustsAt}
        />
        <Countdown path="balance.stopsAt" title={words.overview.stopsIn} at={balance.stopsAt} />
      </dl>
      <Outlook state={state} balance={balance} />
    </Card>
  );
}

interface CountdownProps {
  readonly path: string;
  readonly title: string;
  readonly at: string | null;
}

function Countdown({ path, title, at }: CountdownProps): ReactNode {
  const figures = useFigures();
  const nowMs = useServerNow();
  if (at === null) return null;
  const { days, clock } = countdownTo(at, nowMs);
  const unit = new Intl.NumberFormat(figures.locale, { style: 'unit', unit: 'day' });
  return (
    <div>
      <dt>{title}</dt>
      {/* The instant is what a screen reader is told; a clock that ticks aloud would be a nuisance. */}
      <dd className="countdown">
        <span role="timer" aria-live="off">
          {days > 0 && <>{unit.format(days)} </>}
          {clock}
        </span>
      </dd>
      <dd className="muted">
        <Figure path={path} value={at} title={figures.exactInstant(at)}>
          <time dateTime={at}>{figures.instant(at)}</time>
        </Figure>
      </dd>
    </div>
  );
}

function Outlook({
  state,
  balance,
}: {
  readonly state: string;
  readonly balance: CreditBalancePartsFragment;
}): ReactNode {
  const words = useWords().overview;
  if (state === 'STOPPED') return <p className="muted">{words.stopped}</p>;
  const isLasting = balance.exhaustsAt === null && balance.stopsAt === null;
  if (!isLasting || state === 'EXHAUSTED') return null;
  return <p className="muted">{words.lasts}</p>;
}
