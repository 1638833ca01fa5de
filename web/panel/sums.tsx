import type { ReactNode } from 'react';
import { parseMicro } from '../../src/core/micro.ts';
import type { CreditComponent } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { useWords } from '../words/words.ts';
import { Section } from './section.tsx';

export interface ComponentsProps {
  readonly components: readonly {
    readonly component: CreditComponent;
    readonly credits: string;
  }[];
  readonly total: string;
}

/** What the credits are for, and their total. What cost nothing is left out. */
export function Components({ components, total }: ComponentsProps): ReactNode {
  const words = useWords();
  const costly = components.filter(({ credits }) => parseMicro(credits) !== 0n);
  return (
    <Section title={words.panel.components}>
      <table className="list-table sums">
        <tbody>
          {costly.map(({ component, credits }) => (
            <tr key={component}>
              <th scope="row">{words.credit.component[component]}</th>
              <td className="numeric">
                <Credits path={`components.${component}`} value={credits} />
              </td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{words.rows.totals}</th>
            <td className="numeric">
              <Credits path="usage.credits" value={total} />
            </td>
          </tr>
        </tfoot>
      </table>
    </Section>
  );
}

export interface QuantitiesProps {
  readonly quantities: readonly {
    readonly unit: string | null;
    readonly quantity: number;
    readonly credits: string;
  }[];
}

/** What was processed, by unit. */
export function Quantities({ quantities }: QuantitiesProps): ReactNode {
  const words = useWords();
  const figures = useFigures();
  if (quantities.length === 0) return null;
  return (
    <Section title={words.panel.quantities}>
      <table className="list-table sums">
        <thead className="visually-hidden">
          <tr>
            <th scope="col">{words.panel.unit}</th>
            <th scope="col">{words.panel.quantities}</th>
            <th scope="col">{words.overview.credits}</th>
          </tr>
        </thead>
        <tbody>
          {quantities.map(({ unit, quantity, credits }) => (
            <tr key={unit}>
              <th scope="row">{unit ?? words.panel.noUnit}</th>
              <td className="numeric">
                <Figure path={`quantities.${unit ?? ''}.quantity`} value={quantity}>
                  {figures.count(quantity)}
                </Figure>
              </td>
              <td className="numeric">
                <Credits path={`quantities.${unit ?? ''}.credits`} value={credits} />{' '}
                <span className="unit">{words.credit.credits}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
