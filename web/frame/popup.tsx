import type { ReactNode } from 'react';
import { Popover, type PopoverProps } from 'react-aria-components';
import type { PopupProps } from './popup-button.tsx';

export interface PopupFrameProps extends PopupProps {
  readonly placement: NonNullable<PopoverProps['placement']>;
  readonly children: ReactNode;
}

/** What opens beside a button, above the page. Escape and a press beside it close it. */
export function Popup({ trigger, onClose, placement, children }: PopupFrameProps): ReactNode {
  return (
    <Popover
      className="popup"
      triggerRef={trigger}
      placement={placement}
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      {children}
    </Popover>
  );
}
