import { type ReactNode, useState } from 'react';
import { CreditPricesDocument } from '@billing-gateway/client/operations';
import { Dialog, Heading } from 'react-aria-components';
import { useAccount } from '../account.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import type { PopupProps } from '../frame/popup-button.tsx';
import { Popup } from '../frame/popup.tsx';
import { useWords } from '../words/words.ts';
import { type ExportChoice, exportPath, firstChoice, suggestedName } from './choice.ts';
import { useCurrentExport } from './current.ts';
import { ExportForm } from './export-form.tsx';
import { ExportState } from './export-state.tsx';
import { startExport } from './run.ts';

/** What can be downloaded of the account in the range that is shown. */
export function ExportsMenu({ trigger, onClose }: PopupProps): ReactNode {
  const words = useWords().exports;
  const address = useAddress();
  const range = useAccount()?.usage?.range;
  const current = useCurrentExport();
  const prices = useOperation(CreditPricesDocument, { accountId: address.accountId }).data;
  const [choice, setChoice] = useState<ExportChoice>(() => firstChoice(address));
  const start = (): void => {
    void startExport({
      choice,
      path: exportPath(choice, address),
      suggestedName: suggestedName(choice, range),
    });
  };
  return (
    <Popup trigger={trigger} onClose={onClose} placement="bottom end">
      <Dialog className="exports-menu">
        <Heading slot="title" level={2}>
          {words.open}
        </Heading>
        <ExportForm
          choice={choice}
          hasPrice={(prices?.account?.creditPrices ?? []).length > 0}
          onChange={setChoice}
          isBusy={current?.state === 'running'}
          onStart={start}
        />
        {current !== null && <ExportState current={current} />}
      </Dialog>
    </Popup>
  );
}
