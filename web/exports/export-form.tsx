import type { ExportName } from '@billing-gateway/client/exports';
import { type ReactNode, type RefObject, useEffect, useId, useRef } from 'react';
import { useAccount } from '../account.ts';
import { GRANULARITIES } from '../address/address.ts';
import { useAddress } from '../address/use-address.ts';
import { useFigures } from '../figures/figures.ts';
import { spanText } from '../frame/span-text.ts';
import { useWords } from '../words/words.ts';
import { DIMENSIONS, type ExportChoice, EXPORTS, FORMATS, hasWidth, VERSIONS } from './choice.ts';
import { isWrittenToDisk, MEMORY_MAX_BYTES } from './file.ts';

export interface ExportFormProps {
  readonly choice: ExportChoice;
  readonly onChange: (choice: ExportChoice) => void;
  /** Whether the account's credits have a price in money, without which there is no FOCUS. */
  readonly hasPrice: boolean;
  /** Whether one runs: there is one at a time. */
  readonly isBusy: boolean;
  readonly onStart: () => void;
}

/** Chooses an export, and says what it will be. */
export function ExportForm(props: ExportFormProps): ReactNode {
  const { choice, onChange, hasPrice, isBusy, onStart } = props;
  const words = useWords().exports;
  const figures = useFigures();
  const id = useId();
  const button = useStart(isBusy);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onStart();
      }}
    >
      <fieldset disabled={isBusy}>
        <div className="labelled">
          <label htmlFor={id}>{words.what}</label>
          <select
            id={id}
            className="field"
            value={choice.name}
            onChange={({ target }) => {
              const name = EXPORTS.find((one) => one === target.value);
              if (name !== undefined) onChange({ ...choice, name });
            }}
          >
            {EXPORTS.filter((name) => name !== 'focus' || hasPrice).map((name) => (
              <option key={name} value={name}>
                {words.name[name]}
              </option>
            ))}
          </select>
          <p className="muted">{words.about[choice.name]}</p>
        </div>
        {hasWidth(choice.name) && <Width choice={choice} onChange={onChange} />}
        {choice.name === 'usage' && <Dimensions choice={choice} onChange={onChange} />}
        {choice.name === 'focus' && <Versions choice={choice} onChange={onChange} />}
        <Radios
          legend={words.format}
          options={FORMATS}
          textOf={(format) => words.formats[format]}
          chosen={choice.format}
          onChange={(format) => {
            onChange({ ...choice, format });
          }}
        />
        <Summary choice={choice} />
        {!isBusy && (
          <div className="row">
            <button ref={button} type="submit" className="button primary">
              {words.start}
            </button>
            <span className="muted">
              {isWrittenToDisk()
                ? words.toDisk
                : words.inMemory(figures.fileSize(MEMORY_MAX_BYTES))}
            </span>
          </div>
        )}
      </fieldset>
    </form>
  );
}

/** The button that starts a download, which has the focus again when the button that cancels it is gone. */
function useStart(isBusy: boolean): RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null);
  const wasBusy = useRef(isBusy);
  useEffect(() => {
    if (wasBusy.current && !isBusy) button.current?.focus();
    wasBusy.current = isBusy;
  }, [isBusy]);
  return button;
}

type PartProps = Pick<ExportFormProps, 'choice' | 'onChange'>;

/** How much time a row is of. */
function Width({ choice, onChange }: PartProps): ReactNode {
  const words = useWords();
  const id = useId();
  return (
    <div className="labelled">
      <label htmlFor={id}>{words.exports.width}</label>
      <select
        id={id}
        className="field"
        value={choice.width ?? ''}
        onChange={({ target }) => {
          const width = GRANULARITIES.find((one) => one === target.value) ?? null;
          onChange({ ...choice, width });
        }}
      >
        {GRANULARITIES.map((width) => (
          <option key={width} value={width}>
            {words.overview.granularity[width]}
          </option>
        ))}
        <option value="">{words.exports.whole}</option>
      </select>
    </div>
  );
}

/** What else a row of usage is of. */
function Dimensions({ choice, onChange }: PartProps): ReactNode {
  const words = useWords().exports;
  return (
    <fieldset className="labelled">
      <legend>{words.groupBy}</legend>
      <div className="options">
        {DIMENSIONS.map((dimension) => (
          <label key={dimension}>
            <input
              type="checkbox"
              checked={choice.groupBy.includes(dimension)}
              onChange={({ target }) => {
                const groupBy = DIMENSIONS.filter((one) =>
                  one === dimension ? target.checked : choice.groupBy.includes(one),
                );
                onChange({ ...choice, groupBy });
              }}
            />
            {words.dimension[dimension]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Which version of FOCUS. */
function Versions({ choice, onChange }: PartProps): ReactNode {
  const words = useWords().exports;
  return (
    <Radios
      legend={words.version}
      options={VERSIONS}
      textOf={(version) => version}
      chosen={choice.version}
      onChange={(version) => {
        onChange({ ...choice, version });
      }}
    />
  );
}

interface RadiosProps<T extends string> {
  readonly legend: string;
  readonly options: readonly T[];
  readonly textOf: (option: T) => string;
  readonly chosen: T;
  readonly onChange: (option: T) => void;
}

function Radios<T extends string>(props: RadiosProps<T>): ReactNode {
  const { legend, options, textOf, chosen, onChange } = props;
  const name = useId();
  return (
    <fieldset className="labelled">
      <legend>{legend}</legend>
      <div className="options">
        {options.map((option) => (
          <label key={option}>
            <input
              type="radio"
              name={name}
              checked={chosen === option}
              onChange={() => {
                onChange(option);
              }}
            />
            {textOf(option)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

// What the file will have, in a sentence.
function Summary({ choice }: { readonly choice: ExportChoice }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { range, search, statuses, types, languages } = useAddress();
  const account = useAccount();
  const resolved = account?.usage?.range;
  const { exports } = words;
  const dimensions = new Intl.ListFormat(figures.locale).format(
    choice.groupBy.map((one) => exports.dimension[one]),
  );
  const width = exports.widths[choice.width ?? 'whole'];
  const whats: Readonly<Partial<Record<ExportName, string>>> = {
    usage: exports.usageBy(width, dimensions),
    focus: exports.focusOf(choice.version, width),
  };
  const what = whats[choice.name] ?? exports.name[choice.name];
  const span =
    resolved === undefined
      ? figures.timeZone
      : `${spanText(words, figures, { range, resolved })}, ${resolved.timeZone}`;
  const isFiltered = search !== '' || [...statuses, ...types, ...languages].length > 0;
  return (
    <>
      <p>{exports.sentence(what, account?.name ?? '', span, choice.format.toUpperCase())}</p>
      {isFiltered && <p className="muted">{exports.unfiltered}</p>}
    </>
  );
}
