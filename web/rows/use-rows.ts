import { useFrameAccount } from '../account.ts';
import type { Address, Tab } from '../address/address.ts';
import { rangeInput } from '../address/inputs.ts';
import { useAddress } from '../address/use-address.ts';
import { type Loaded, useOperation } from '../api/client.ts';
import {
  BrowserPodsTabDocument,
  CustomScriptsTabDocument,
  type FramePartsFragment,
  GuardrailsTabDocument,
  ModelsTabDocument,
  type ModelsTabQueryVariables,
  OcrDeploymentsTabDocument,
  type Operation,
  type RangePartsFragment,
  type UsageOrderField,
  WorkflowsTabDocument,
  type WorkflowsTabQueryVariables,
} from '@billing-gateway/client/operations';
import { pageInput } from '../ui/pages.ts';
import { hostedRows, modelRows, scriptRows, workflowRows } from './answers.ts';
import { type RowsPage, selectedDeployments, selectedRows } from './page.ts';

export type RowsTab = Exclude<Tab, 'overview' | 'credits'>;

export interface LoadedRows {
  readonly page: RowsPage | null;
  readonly problem: Loaded<unknown>['problem'];
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Asks for a tab's page of rows. `fields`: what the tab can be ordered by. */
export type UseRows = (fields: Fields) => LoadedRows;

interface TabAnswer {
  readonly account:
    (FramePartsFragment & { readonly usage: { readonly range: RangePartsFragment } }) | null;
}

type TabVariables = WorkflowsTabQueryVariables;

type Fields = readonly UsageOrderField[];

function tabVariables(address: Address, fields: Fields): TabVariables {
  return {
    accountId: address.accountId,
    range: rangeInput(address.range, address.timeZone),
    ...pageInput(address.page, address.pageSize),
    ...selectedRows(address, fields),
  };
}

function rowsOf<TData extends TabAnswer, TVariables extends TabVariables>(
  operation: Operation<TData, TVariables>,
  variablesOf: (address: Address, fields: Fields) => TVariables,
  page: (answer: NonNullable<TData['account']>) => RowsPage,
): UseRows {
  return function useRows(fields) {
    const address = useAddress();
    const { data, ...loaded } = useOperation(operation, variablesOf(address, fields));
    const account = data?.account ?? null;
    useFrameAccount(account);
    return {
      ...loaded,
      page: account === null ? null : page(account),
    };
  };
}

function modelsVariables(address: Address, fields: Fields): ModelsTabQueryVariables {
  return { ...tabVariables(address, fields), ...selectedDeployments(address) };
}

/** How each tab asks for its rows, by its one operation. */
export const useRowsOf: Record<RowsTab, UseRows> = {
  workflows: rowsOf(WorkflowsTabDocument, tabVariables, ({ usage }) =>
    workflowRows(usage.workflows),
  ),
  models: rowsOf(ModelsTabDocument, modelsVariables, ({ usage }) => modelRows(usage.models)),
  guardrails: rowsOf(GuardrailsTabDocument, tabVariables, ({ usage }) =>
    hostedRows(usage.guardrails),
  ),
  'custom-scripts': rowsOf(CustomScriptsTabDocument, tabVariables, ({ usage }) =>
    scriptRows(usage),
  ),
  ocr: rowsOf(OcrDeploymentsTabDocument, tabVariables, ({ usage }) =>
    hostedRows(usage.ocrDeployments),
  ),
  'browser-automation': rowsOf(BrowserPodsTabDocument, tabVariables, ({ usage }) =>
    hostedRows(usage.browserPods),
  ),
};
