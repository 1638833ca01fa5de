import type { ComponentProps, ReactNode } from 'react';

export interface ListTableProps extends ComponentProps<'table'> {
  readonly label: string;
}

/** A table of rows. One that is wider than its place scrolls by itself, also by the keyboard. */
export function ListTable({ label, className = '', ...rest }: ListTableProps): ReactNode {
  return (
    <div className="list-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className={`list-table ${className}`} {...rest} />
    </div>
  );
}
