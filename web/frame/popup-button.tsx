import {
  type ButtonHTMLAttributes,
  type ComponentType,
  type ReactNode,
  type RefObject,
  Suspense,
  useRef,
  useState,
} from 'react';
import { FaultBoundary } from '../ui/card.tsx';

/** What the content of a popup is given. */
export interface PopupProps {
  readonly trigger: RefObject<HTMLButtonElement | null>;
  readonly onClose: () => void;
}

export interface PopupButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it opens; loaded when it is opened first. */
  readonly popup: ComponentType<PopupProps>;
  readonly onClosed?: () => void;
}

/** A button that opens a popup beside it. */
export function PopupButton({ popup: Content, onClosed, ...rest }: PopupButtonProps): ReactNode {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        {...rest}
        ref={button}
        type="button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={() => {
          setOpen(!isOpen);
        }}
      />
      {isOpen && (
        <FaultBoundary>
          <Suspense>
            <Content
              trigger={button}
              onClose={() => {
                setOpen(false);
                onClosed?.();
              }}
            />
          </Suspense>
        </FaultBoundary>
      )}
    </>
  );
}
