import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { type Address, formatAddress } from '../address/address.ts';
import { changed, navigate, useAddress } from '../address/use-address.ts';

export interface AddressLinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
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

/** Whether a click stays in the page: with a key held down, the browser opens a new tab or saves. */
export function isPlainClick(event: MouseEvent): boolean {
  return !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) && event.button === 0;
}
