import type { ReactNode } from 'react';
import {
  Autocomplete,
  Dialog,
  Input,
  ListBox,
  ListBoxItem,
  SearchField,
  useFilter,
} from 'react-aria-components';
import { useAccount } from '../account.ts';
import { navigate } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { useWords } from '../words/words.ts';
import type { PopupProps } from './popup-button.tsx';
import { Popup } from './popup.tsx';

interface Zone {
  readonly id: string;
  readonly text: string;
}

// Engines list these zones by names that the tz database has given up, and take the new ones too.
const NEW_NAMES: Readonly<Record<string, string>> = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/Godthab': 'America/Nuuk',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Kiev': 'Europe/Kyiv',
};

/** The account's zone, the browser's, and a search over all. */
export function ZoneList({ trigger, onClose }: PopupProps): ReactNode {
  const words = useWords().range;
  const { timeZone } = useFigures();
  const own = useAccount()?.timeZone ?? null;
  const { contains } = useFilter({ sensitivity: 'base' });
  const browser = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones: readonly Zone[] = [
    ...(own === null ? [] : [{ id: own, text: words.accountZone(own) }]),
    ...(browser === own ? [] : [{ id: browser, text: words.browserZone(browser) }]),
    ...['UTC', ...Intl.supportedValuesOf('timeZone')]
      .map((id) => NEW_NAMES[id] ?? id)
      .filter((id) => id !== own && id !== browser)
      .map((id) => ({ id, text: id })),
  ];
  return (
    <Popup trigger={trigger} onClose={onClose} placement="bottom start">
      <Dialog className="zone-list" aria-label={words.zone}>
        {/* "new york" finds America/New_York. */}
        <Autocomplete filter={(text, typed) => contains(text, typed.trim().replaceAll(' ', '_'))}>
          <SearchField aria-label={words.searchZones} autoFocus>
            <Input className="field" placeholder={words.searchZones} />
          </SearchField>
          <ListBox
            aria-label={words.zone}
            items={zones}
            selectionMode="single"
            selectedKeys={[timeZone]}
            disallowEmptySelection
            renderEmptyState={() => <p className="muted">{words.noZone}</p>}
            onSelectionChange={(chosen) => {
              const [key] = chosen === 'all' ? [] : chosen;
              navigate({ timeZone: key === undefined || key === own ? null : String(key) });
              onClose();
            }}
          >
            {({ id, text }) => (
              <ListBoxItem id={id} textValue={text}>
                {text}
              </ListBoxItem>
            )}
          </ListBox>
        </Autocomplete>
      </Dialog>
    </Popup>
  );
}
