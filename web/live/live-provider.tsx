import type { ReactNode } from 'react';
import type { ShownAccount } from '../account.ts';
import { LiveContext, NOTHING_LIVE } from './live.ts';

export interface LiveProviderProps {
  readonly token: string;
  readonly accountId: string | null;
  readonly account: ShownAccount | null;
  readonly children: ReactNode;
}

/** Gives what is below it the live balance and alerts of the account. */
export function LiveProvider({ children }: LiveProviderProps): ReactNode {
  return <LiveContext value={NOTHING_LIVE}>{children}</LiveContext>;
}
