import type { ReactNode } from 'react';
import type { CreditBalancePartsFragment } from '@billing-gateway/client/operations';
import { formatMicro, parseMicro } from '../../src/core/micro.ts';
import { Countdown } from '../live/countdown.tsx';
import { useLive } from '../live/live.ts';
import { useLiveBalance, useLiveState, useServerNow } from '../live/use-now.ts';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { State } from '../ui/status.tsx';
import { useWords } from '../words/words.ts';
import type { OverviewAccount } from './categories.ts';
import { Gauge } from './gauge.tsx';

/** What is left, how fast it burns, and when it is used up. */
export function BalanceCard({ account }: { readonly account: OverviewAccount }): ReactNode {
  const { balance } = useLive();
  return <Balance account={account} balance={balance ?? account.credits} />;
}

interface BalanceProps {
  readonly account: OverviewAccount;
  readonly balance: CreditBalancePartsFragment;
}

function Balance({ account, balance }: BalanceProps): ReactNode {
  const words = useWords();
  const remainingMicro = useLiveBalance() ?? parseMicro(balance.remaining);
  const remaining = formatMicro(remainingMicro);
  const state = useLiveState() ?? balance.state;
  return (
    <Card title={words.overview.balance} className="balance" aside={<State state={state} />}>
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
        <Until path="balance.exhaustsAt" title={words.overview.usedUpIn} at={balance.exhaustsAt} />
        <Until path="balance.stopsAt" title={words.overview.stopsIn} at={balance.stopsAt} />
      </dl>
      <Outlook state={state} balance={balance} />
    </Card>
  );
}

interface UntilProps {
  readonly path: string;
  readonly title: string;
  readonly at: string | null;
}

function Until({ path, title, at }: UntilProps): ReactNode {
  const nowMs = useServerNow();
  if (at === null) return null;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <Countdown at={at} nowMs={nowMs} />
      </dd>
      <dd className="muted">
        <Figure path={path} value={at}>
          <Instant at={at} />
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
