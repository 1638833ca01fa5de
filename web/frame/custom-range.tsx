import { type CalendarDate, parseDate } from '@internationalized/date';
import { type KeyboardEvent, type ReactNode, useState } from 'react';
import {
  Button,
  CalendarCell,
  CalendarGrid,
  DateField,
  DateInput,
  DateSegment,
  Dialog,
  Heading,
  I18nProvider,
  Label,
  RangeCalendar,
} from 'react-aria-components';
import { useAccount } from '../account.ts';
import { navigate, useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { useServerNow } from '../live/use-now.ts';
import { useWords } from '../words/words.ts';
import type { PopupProps } from './popup-button.tsx';
import { Popup } from './popup.tsx';

const WIDE = '(width >= 720px)';

interface Days {
  readonly start: CalendarDate | null;
  readonly end: CalendarDate | null;
}

/** Chooses a first and a last day, in a calendar or typed: whole days of the shown zone. */
export function CustomRange({ trigger, onClose }: PopupProps): ReactNode {
  const words = useWords().range;
  const { locale } = useFigures();
  const today = useToday();
  const first = useShownDays(today);
  const [days, setDays] = useState<Days>(first);
  const { start, end } = days;
  const span = start !== null && end !== null && start.compare(end) <= 0 ? { start, end } : null;
  return (
    <I18nProvider locale={locale}>
      <Popup trigger={trigger} onClose={onClose} placement="bottom">
        <Dialog className="custom-range" aria-label={words.custom}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (span === null) return;
              const [from, to] = [span.start.toString(), span.end.toString()];
              navigate({ range: { kind: 'days', from, to } });
              onClose();
            }}
          >
            <div className="row" onKeyDownCapture={submitByEnter}>
              <Day
                label={words.from}
                value={start}
                onChange={(day) => {
                  setDays({ start: day, end });
                }}
              />
              <Day
                label={words.to}
                value={end}
                onChange={(day) => {
                  setDays({ start, end: day });
                }}
              />
            </div>
            <Months value={span} today={today} onChange={setDays} />
            {span === null && (
              <p className="muted" role="alert">
                {words.invalid}
              </p>
            )}
            <div className="row end">
              <button type="button" className="button" onClick={onClose}>
                {words.cancel}
              </button>
              <button type="submit" className="button primary" disabled={span === null}>
                {words.apply}
              </button>
            </div>
          </form>
        </Dialog>
      </Popup>
    </I18nProvider>
  );
}

// The parts of a typed day are no inputs, by which a form would be sent.
function submitByEnter(event: KeyboardEvent<HTMLElement>): void {
  if (event.key === 'Enter') event.currentTarget.closest('form')?.requestSubmit();
}

/** The account's day when this opened: a test account has a clock of its own. */
function useToday(): CalendarDate {
  const { timeZone } = useFigures();
  const nowMs = useServerNow();
  return useState(() => dayOf(nowMs, timeZone))[0];
}

/** The days that are shown now, to begin with. */
function useShownDays(today: CalendarDate): Days {
  const { range } = useAddress();
  const { timeZone } = useFigures();
  const resolved = useAccount()?.usage?.range;
  if (range.kind === 'days') return { start: parseDate(range.from), end: parseDate(range.to) };
  if (resolved === undefined) return { start: today, end: today };
  return {
    start: dayOf(Date.parse(resolved.from), timeZone),
    // The end is exclusive.
    end: dayOf(Date.parse(resolved.to) - 1, timeZone),
  };
}

function dayOf(instantMs: number, timeZone: string): CalendarDate {
  // This locale writes days as ISO 8601 does.
  return parseDate(new Intl.DateTimeFormat('en-CA', { timeZone }).format(instantMs));
}

interface DayProps {
  readonly label: string;
  readonly value: CalendarDate | null;
  readonly onChange: (day: CalendarDate | null) => void;
}

function Day({ label, value, onChange }: DayProps): ReactNode {
  return (
    <DateField className="day-field" value={value} onChange={onChange}>
      <Label>{label}</Label>
      <DateInput className="field day-input">
        {(segment) => <DateSegment segment={segment} className="day-segment" />}
      </DateInput>
    </DateField>
  );
}

interface MonthsProps {
  readonly value: { readonly start: CalendarDate; readonly end: CalendarDate } | null;
  readonly today: CalendarDate;
  readonly onChange: (days: Days) => void;
}

function Months({ value, today, onChange }: MonthsProps): ReactNode {
  const words = useWords().range;
  const months = window.matchMedia(WIDE).matches ? 2 : 1;
  return (
    <RangeCalendar
      className="months"
      aria-label={words.custom}
      value={value}
      onChange={onChange}
      maxValue={today}
      visibleDuration={{ months }}
      pageBehavior="single"
      defaultFocusedValue={(value?.end ?? today).subtract({ months: months - 1 })}
    >
      <header>
        <Button slot="previous" className="icon-button">
          <Arrow path="M10 3.5L5.5 8l4.5 4.5" />
        </Button>
        <Heading />
        <Button slot="next" className="icon-button">
          <Arrow path="M6 3.5L10.5 8 6 12.5" />
        </Button>
      </header>
      <div className="month-grids">
        {Array.from({ length: months }, (_, month) => (
          <CalendarGrid key={month} offset={{ months: month }}>
            {(date) => <CalendarCell date={date} className="day-cell" />}
          </CalendarGrid>
        ))}
      </div>
    </RangeCalendar>
  );
}

function Arrow({ path }: { readonly path: string }): ReactNode {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.5" />
    </svg>
  );
}
