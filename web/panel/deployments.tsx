import type { ReactNode } from 'react';
import { useFigures } from '../figures/figures.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Status } from '../ui/status.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords } from '../words/words.ts';
import type { ModelNode } from './nodes.ts';
import { PanelPaging } from './panel-paging.tsx';
import { Section } from './section.tsx';
import type { Pages } from './use-pages.ts';

export const DEPLOYMENTS_A_PAGE = 10;
export const ORDERS = ['CREDITS', 'TIME', 'LAST_DEPLOYED_ON', 'NAME'] as const;
export type DeploymentsOrder = (typeof ORDERS)[number];

export interface DeploymentsProps {
  readonly page: ModelNode['usage']['deployments'];
  readonly pages: Pages;
  readonly order: DeploymentsOrder;
  readonly onOrder: (order: DeploymentsOrder) => void;
}

/** The deployments of a model, each of which opens its own panel. */
export function Deployments({ page, pages, order, onOrder }: DeploymentsProps): ReactNode {
  const words = useWords();
  if (page.totalCount === 0) {
    return (
      <Section title={words.panel.deployments}>
        <p className="muted">{words.panel.noDeployments}</p>
      </Section>
    );
  }
  return (
    <Section
      title={words.panel.deployments}
      aside={<OrderChooser order={order} onOrder={onOrder} />}
    >
      <ListTable label={words.panel.deployments}>
        <thead>
          <tr>
            <th scope="col">{words.rows.column.name}</th>
            <th scope="col" className="numeric">
              {words.rows.column.time}
            </th>
            <th scope="col" className="numeric">
              {words.overview.credits}
            </th>
          </tr>
        </thead>
        <tbody>
          {page.nodes.map((node) => (
            <DeploymentRow key={node.resource.id} node={node} />
          ))}
        </tbody>
      </ListTable>
      <PanelPaging
        label={words.panel.deployments}
        pages={pages}
        pageSize={DEPLOYMENTS_A_PAGE}
        page={page}
      />
    </Section>
  );
}

function DeploymentRow({
  node: { resource, time, credits },
}: {
  readonly node: ModelNode['usage']['deployments']['nodes'][number];
}): ReactNode {
  const figures = useFigures();
  return (
    <tr>
      <th scope="row">
        <AddressLink change={{ open: resource.id }}>{resource.name}</AddressLink>
        <span className="list-sub">
          <Status status={resource.status} />
        </span>
      </th>
      <td className="numeric">
        <Figure path="deployments.time" value={time}>
          {figures.duration(time)}
        </Figure>
      </td>
      <td className="numeric">
        <Credits path="deployments.credits" value={credits} />
      </td>
    </tr>
  );
}

function OrderChooser({ order, onOrder }: Pick<DeploymentsProps, 'order' | 'onOrder'>): ReactNode {
  const words = useWords().panel;
  return (
    <select
      className="field small"
      aria-label={words.order}
      value={order}
      onChange={({ target }) => {
        onOrder(ORDERS.find((one) => one === target.value) ?? order);
      }}
    >
      {ORDERS.map((one) => (
        <option key={one} value={one}>
          {words.orders[one]}
        </option>
      ))}
    </select>
  );
}
