import { type ReactNode, useEffect, useState } from 'react';
import {
  Button,
  ComboBox,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
} from 'react-aria-components';
import { useOperation } from '../api/client.ts';
import { RunningDeploymentsDocument } from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { Caret } from '../ui/caret.tsx';
import { SEARCH_AFTER_MS } from '../ui/list.tsx';
import { useWords } from '../words/words.ts';
import { type Deployment, deploymentsOf } from './running.ts';

const SHOWN = 50;

export interface DeploymentChooserProps {
  readonly accountId: string;
  readonly chosen: Deployment | null;
  readonly onChoose: (deployment: Deployment | null) => void;
}

/** One of the running deployments, found by its name, or none. */
export function DeploymentChooser({
  accountId,
  chosen,
  onChoose,
}: DeploymentChooserProps): ReactNode {
  const words = useWords().quote;
  const [typed, setTyped] = useState('');
  const [isUsed, setIsUsed] = useState(false);
  // What is chosen stands in the field: that is no search.
  const search = useSettled(typed === chosen?.name ? '' : typed.trim());
  const { found, totalCount } = useRunning(accountId, search, isUsed);
  // A chosen one is chosen, also where the first of many do not hold it.
  const isListed = chosen === null || found.some(({ id }) => id === chosen.id);
  const items = isListed ? found : [chosen, ...found];
  return (
    <ComboBox
      className="list-filter combo"
      items={items}
      inputValue={typed}
      onInputChange={(text) => {
        setTyped(text);
        // Who types another name, or clears the field, no longer means what was chosen.
        if (text !== chosen?.name) onChoose(null);
      }}
      value={chosen?.id ?? null}
      onChange={(key) => {
        const deployment = items.find(({ id }) => id === key) ?? null;
        onChoose(deployment);
        setTyped(deployment?.name ?? '');
      }}
      menuTrigger="focus"
      onFocus={() => {
        setIsUsed(true);
      }}
      allowsEmptyCollection
    >
      <Label>{words.instead}</Label>
      <div className="combo-field">
        <Input className="field" placeholder={words.nothing} maxLength={200} />
        <Button className="combo-button" aria-label={words.showAll}>
          <Caret />
        </Button>
      </div>
      <Popover className="popup combo-popup" placement="bottom start">
        <ListBox<Deployment>
          className="combo-list"
          renderEmptyState={() => (
            <p className="muted">{search === '' ? words.noneRuns : words.noneFound}</p>
          )}
        >
          {(deployment) => <Option deployment={deployment} />}
        </ListBox>
        <Narrow shown={found.length} all={totalCount} />
      </Popover>
    </ComboBox>
  );
}

interface Running {
  readonly found: readonly Deployment[];
  readonly totalCount: number;
}

// Nothing is asked for until somebody looks.
function useRunning(accountId: string, search: string, isUsed: boolean): Running {
  const variables = { accountId, search, first: SHOWN };
  const { data } = useOperation(RunningDeploymentsDocument, variables, { pause: !isUsed });
  const report = data?.account?.usage.report;
  if (report === undefined) return { found: [], totalCount: 0 };
  return { found: deploymentsOf(report.nodes), totalCount: report.totalCount };
}

function Option({ deployment }: { readonly deployment: Deployment }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { id, name, replicas, hardware, creditsPerHour } = deployment;
  return (
    <ListBoxItem id={id} textValue={name}>
      {name}
      <span className="list-sub">
        {words.quote.runs(figures.count(replicas), hardware)} ·{' '}
        {words.overview.anHour(figures.exactCredits(creditsPerHour))}
      </span>
    </ListBoxItem>
  );
}

function Narrow({ shown, all }: { readonly shown: number; readonly all: number }): ReactNode {
  const words = useWords().quote;
  const figures = useFigures();
  if (all <= SHOWN) return null;
  return <p className="muted">{words.narrow(figures.count(shown), figures.count(all))}</p>;
}

/** A text, once it has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    if (settled === text) return undefined;
    const timer = setTimeout(() => {
      setSettled(text);
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [settled, text]);
  return settled;
}
