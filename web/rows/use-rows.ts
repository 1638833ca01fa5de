import { rangeInput, useFrameAccount } from '../account.ts';
import type { Tab } from '../address/address.ts';
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
  type WorkflowsTabQueryVariables,
} from '../api/operations.ts';
import { pageInput } from '../ui/paging.tsx';
import { hostedRows, modelRows, workflowRows } from './answers.ts';
import { type RowsPage, selectedRows } from './page.ts';

export type RowsTab = Exclude<Tab, 'overview' | 'credits'>;

export interface LoadedRows {
  readonly page: RowsPage | null;
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

type TabVariables = WorkflowsTabQueryVariables;

function rowsOf<TData extends TabAnswer>(
  operation: Operation<TData, TabVariables>,
  page: (answer: NonNullable<TData['account']>) => RowsPage,
): UseRows {
  return function useRows(fields) {
    const address = useAddress();
    const { data, ...loaded } = useOperation(operation, {
      accountId: address.accountId,
      range: rangeInput(address.range, address.timeZone),
      ...pageInput(address.page, address.pageSize),
      ...selectedRows(address, fields),
    });
    const account = data?.account ?? null;
    useFrameAccount(account);
    return {
      ...loaded,
      page: account === null ? null : page(account),
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
