import type { ReactNode } from 'react';
import type { CreditState, ResourceStatus } from '@billing-gateway/client/operations';
import { useWords } from '../words/words.ts';

/** The status of a resource, told apart by its dot too. */
export function Status({ status }: { readonly status: ResourceStatus }): ReactNode {
  const words = useWords().rows;
  return <span className={`status status-${status}`}>{words.status[status]}</span>;
}

/** The state of an account's credits, with its dot. */
export function State({ state }: { readonly state: CreditState }): ReactNode {
  const words = useWords().credit;
  return <span className={`state state-${state}`}>{words.state[state]}</span>;
}
