import type { ReactNode } from 'react';
import { Dialog, Heading } from 'react-aria-components';
import { AlertLine } from '../live/alert-line.tsx';
import { useLive } from '../live/live.ts';
import { useWords } from '../words/words.ts';
import type { PopupProps } from './popup-button.tsx';
import { Popup } from './popup.tsx';

/** The account's alerts, newest first. */
export function BellList({ trigger, onClose }: PopupProps): ReactNode {
  const { alerts, unread } = useLive();
  const words = useWords();
  return (
    <Popup trigger={trigger} onClose={onClose} placement="bottom end">
      <Dialog className="bell-list">
        <Heading slot="title" level={2}>
          {words.live.alerts}
        </Heading>
        {alerts.length === 0 && <p className="muted">{words.live.none}</p>}
        <ul
          role="list"
          tabIndex={alerts.length === 0 ? undefined : 0}
          aria-label={words.live.alerts}
        >
          {alerts.map((alert, index) => (
            <li key={alert.sequence} data-unread={index < unread} data-kind={alert.kind}>
              <AlertLine alert={alert}>{index < unread && ` · ${words.live.new}`}</AlertLine>
            </li>
          ))}
        </ul>
      </Dialog>
    </Popup>
  );
}
