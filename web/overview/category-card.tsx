import { type ReactNode, useState } from 'react';
import { tabChange } from '../address/use-address.ts';
import { Donut } from '../charts/donut.tsx';
import { drawn } from '../charts/drawn.ts';
import { useFigures } from '../figures/figures.ts';
import { AddressLink } from '../ui/address-link.tsx';
import { Card } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { useWords } from '../words/words.ts';
import { CATEGORIES, type OverviewUsage } from './categories.ts';

/** What the credits were used for. The ring and its legend are one thing: either lights both. */
export function CategoryCard({ usage }: { readonly usage: OverviewUsage }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const [active, setActive] = useState<string | null>(null);
  const rows = CATEGORIES.map(({ category, tab }) => ({
    category,
    tab,
    credits: '0',
    percent: 0,
    ...usage.credits.byCategory.find((one) => one.category === category),
  }));
  const shown = rows.find(({ category }) => category === active);
  return (
    <Card title={words.overview.byCategory} className="by-category">
      <Donut
        slices={rows.map(({ category, tab, credits }) => ({
          key: category,
          className: `category-${tab}`,
          value: drawn(credits),
        }))}
        active={active}
        onActive={setActive}
      >
        <strong>{figures.credits(shown?.credits ?? usage.credits.used)}</strong>
        <span className="muted">
          {shown === undefined ? words.overview.total : figures.percent(shown.percent)}
        </span>
      </Donut>
      <ul className="legend">
        {rows.map(({ category, tab, credits, percent }) => (
          <li key={category}>
            <AddressLink
              change={tabChange(tab)}
              className={active === category ? 'active' : undefined}
              onPointerEnter={() => {
                setActive(category);
              }}
              onPointerLeave={() => {
                setActive(null);
              }}
              onFocus={() => {
                setActive(category);
              }}
              onBlur={() => {
                setActive(null);
              }}
            >
              <span className={`swatch category-${tab}`} aria-hidden="true" />
              <span>{words.credit.category[category]}</span>
              <Credits path={`credits.byCategory.${category}`} value={credits} />
              <span className="figure muted">{figures.percent(percent)}</span>
            </AddressLink>
          </li>
        ))}
      </ul>
    </Card>
  );
}
