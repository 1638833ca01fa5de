import { rangeInput, useFrameAccount } from '../account.ts';
import type { Address, Tab } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { type Loaded, useOperation } from '../api/client.ts';
import {
  BrowserPodsTabDocument,
  CustomScriptsTabDocument,
  type FramePartsFragment,
  GuardrailsTabDocument,
  ModelsTabDocument,
  OcrDeploymentsTabDocument,
  type Operation,
  type RangePartsFragment,
  type UsageOrderField,
  WorkflowsTabDocument,
} from '../api/operations.ts';
import { hostedRows, modelRows, workflowRows } from './answers.ts';
import { type PageVariables, pageVariables, type RowsPage } from './page.ts';

export type RowsTab = Exclude<Tab, 'overview' | 'credits'>;

export interface LoadedRows {
  readonly page: RowsPage | null;
  /** The zone of the range's days; null until the first answer. */
  readonly timeZone: string | null;
  readonly problem: Loaded<unknown>['problem'];
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Asks for a tab's page of rows. `fields`: what the tab can be ordered by. */
export type UseRows = (fields: readonly UsageOrderField[]) => LoadedRows;

interface TabAnswer {
  readonly account:
    (FramePartsFragment & { readonly usage: { readonly range: RangePartsFragment } }) | null;
}

type TabVariables = PageVariables & {
  readonly accountId?: string | null;
  readonly range?: ReturnType<typeof rangeInput>;
};

function rowsOf<TData extends TabAnswer>(
  operation: Operation<TData, TabVariables>,
  page: (answer: NonNullable<TData['account']>) => RowsPage,
): UseRows {
  return function useRows(fields) {
    const address: Address = useAddress();
    const { data, ...loaded } = useOperation(operation, {
      accountId: address.accountId,
      range: rangeInput(address.range, address.timeZone),
      ...pageVariables(address, fields),
    });
    const account = data?.account ?? null;
    useFrameAccount(account);
    return {
      ...loaded,
      page: account === null ? null : page(account),
      timeZone: account?.usage.range.timeZone ?? null,
    };
  };
}

/** How each tab asks for its rows, by its one operation. */
export const useRowsOf: Record<RowsTab, UseRows> = {
  workflows: rowsOf(WorkflowsTabDocument, ({ usage }) => workflowRows(usage.workflows)),
  models: rowsOf(ModelsTabDocument, ({ usage }) => modelRows(usage.models)),
  guardrails: rowsOf(GuardrailsTabDocument, ({ usage }) => hostedRows(usage.guardrails)),
  'custom-scripts': rowsOf(CustomScriptsTabDocument, ({ usage }) =>
    hostedRows(usage.customScripts),
  ),
  ocr: rowsOf(OcrDeploymentsTabDocument, ({ usage }) => hostedRows(usage.ocrDeployments)),
  'browser-automation': rowsOf(BrowserPodsTabDocument, ({ usage }) =>
    hostedRows(usage.browserPods),
  ),
};
