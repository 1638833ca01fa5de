import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { type Address, formatAddress } from '../address/address.ts';
import { changed, navigate, useAddress } from '../address/use-address.ts';

export interface AddressLinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
  /** The id of what a row shows: where the focus goes back to when its panel closes. */
  readonly 'data-row'?: string;
  /** What of the address is other where the link leads. */
  readonly change: Partial<Address>;
  readonly children: ReactNode;
}

/** A link to a changed address: a click stays in the page, and a new tab of the browser can be opened by it too. */
export function AddressLink({ change, children, ...rest }: AddressLinkProps): ReactNode {
  const address = useAddress();
  return (
    <a
      {...rest}
      href={formatAddress(changed(address, change))}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        navigate(change);
      }}
    >
      {children}
    </a>
  );
}

/** A button that changes the address: a way out of a list that shows nothing. */
export function AddressButton({
  change,
  children,
}: Pick<AddressLinkProps, 'change' | 'children'>): ReactNode {
  return (
    <button
      type="button"
      className="button"
      onClick={() => {
        navigate(change);
      }}
    >
      {children}
    </button>
  );
}

/** Whether a click stays in the page: with a key held down, the browser opens a new tab or saves. */
export function isPlainClick(event: MouseEvent): boolean {
  return !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) && event.button === 0;
}

/** Whether a click on a row is meant for the row: not for a link or a button in it, and not the end of selecting text. */
export function isRowClick(event: MouseEvent): boolean {
  const isOfControl = event.target instanceof Element && event.target.closest('a, button') !== null;
  return isPlainClick(event) && !isOfControl && window.getSelection()?.isCollapsed !== false;
}
