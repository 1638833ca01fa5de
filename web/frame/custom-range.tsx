import { type CalendarDate, parseDate, today } from '@internationalized/date';
import { type ReactNode, useState } from 'react';
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
  const first = useShownDays();
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
            <div className="row">
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
            <Months value={span} onChange={setDays} />
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

/** The days that are shown now, to begin with. */
function useShownDays(): Days {
  const { range } = useAddress();
  const { timeZone } = useFigures();
  const resolved = useAccount()?.usage?.range;
  if (range.kind === 'days') return { start: parseDate(range.from), end: parseDate(range.to) };
  if (resolved === undefined) {
    const day = today(timeZone);
    return { start: day, end: day };
  }
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
  readonly onChange: (days: Days) => void;
}

function Months({ value, onChange }: MonthsProps): ReactNode {
  const words = useWords().range;
  const { timeZone } = useFigures();
  const months = window.matchMedia(WIDE).matches ? 2 : 1;
  return (
    <RangeCalendar
      className="months"
      aria-label={words.custom}
      value={value}
      onChange={onChange}
      maxValue={today(timeZone)}
      visibleDuration={{ months }}
      pageBehavior="single"
      defaultFocusedValue={(value?.end ?? today(timeZone)).subtract({ months: months - 1 })}
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
