// What the page shows is in its address, so that a link shows the same to a colleague:
// /usage/<tab>?range=…&tz=…&by=…&q=…&status=…&type=…&language=…&sort=…&size=…&page=…&open=…&entry=…&statement=…&account=…
// Values that are unknown fall back to what is shown without them.

export const TABS = [
  'overview',
  'workflows',
  'models',
  'guardrails',
  'custom-scripts',
  'ocr',
  'browser-automation',
  'credits',
] as const;
export type Tab = (typeof TABS)[number];

export const PRESETS = ['24h', '7d', '30d', '90d', 'cycle', 'last-cycle'] as const;
export type Preset = (typeof PRESETS)[number];
export const DEFAULT_PRESET: Preset = '30d';

/** Whole days, both inclusive, or two instants, of which the second is exclusive. */
export type RangeChoice =
  | { readonly kind: 'preset'; readonly preset: Preset }
  | { readonly kind: 'days'; readonly from: string; readonly to: string }
  | { readonly kind: 'instants'; readonly from: string; readonly to: string };

export const GRANULARITIES = ['hour', 'day', 'week', 'month'] as const;
export type GranularityChoice = (typeof GRANULARITIES)[number];

export const PAGE_SIZES = [25, 50, 100] as const;
export type PageSize = (typeof PAGE_SIZES)[number];

/** A page of a list: how many rows stand before it, and the cursor that it follows or precedes. */
export interface PagePlace {
  readonly rowsBefore: number;
  readonly direction: 'after' | 'before';
  readonly cursor: string;
}

export interface Sort {
  /** The server's order field, in lower case: "last_active_on". */
  readonly field: string;
  readonly descending: boolean;
}

export interface Address {
  readonly tab: Tab;
  readonly range: RangeChoice;
  /** An IANA zone; null: the account's. */
  readonly timeZone: string | null;
  /** Null: chosen by the length of the range. */
  readonly granularity: GranularityChoice | null;
  readonly search: string;
  readonly statuses: readonly string[];
  /** Types of models. */
  readonly types: readonly string[];
  /** Languages of custom scripts, in lower case. */
  readonly languages: readonly string[];
  /** Null: the tab's own order. */
  readonly sort: Sort | null;
  readonly pageSize: PageSize;
  /** Null: the first page. */
  readonly page: PagePlace | null;
  /** The id of what the panel shows. */
  readonly open: string | null;
  /** The id of the ledger's entry that is opened in its place. */
  readonly entry: string | null;
  /** The number of the statement whose proof is opened. */
  readonly statement: number | null;
  /** For operators: the account that is shown; null: the list of accounts. */
  readonly accountId: string | null;
}

export const START: Address = {
  tab: 'overview',
  range: { kind: 'preset', preset: DEFAULT_PRESET },
  timeZone: null,
  granularity: null,
  search: '',
  statuses: [],
  types: [],
  languages: [],
  sort: null,
  pageSize: 25,
  page: null,
  open: null,
  entry: null,
  statement: null,
  accountId: null,
};

const BASE = '/usage';
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{3})?)?Z$/;
const NUMBER = /^[1-9]\d{0,8}$/;
const PAGE = /^(\d{1,9})-([ab])-(.+)$/;
const WORD = /^[a-z_]{1,40}$/;
const LANGUAGE = /^[^\p{Cc},]{1,100}$/u;

/** Reads the path and the query ("/usage/models", "?range=7d"). Never throws. */
export function parseAddress(path: string, query: string): Address {
  const values = new URLSearchParams(query);
  return {
    tab: oneOf(TABS, path.split('/')[2]) ?? START.tab,
    range: parseRange(values.get('range')),
    timeZone: parseZone(values.get('tz')),
    granularity: oneOf(GRANULARITIES, values.get('by')),
    search: (values.get('q') ?? '').slice(0, 200),
    statuses: parseList(values.get('status'), WORD),
    types: parseList(values.get('type'), WORD),
    languages: parseList(values.get('language')?.toLowerCase(), LANGUAGE),
    sort: parseSort(values.get('sort')),
    pageSize: PAGE_SIZES.find((size) => String(size) === values.get('size')) ?? START.pageSize,
    page: parsePage(values.get('page')),
    open: named(values.get('open')),
    entry: named(values.get('entry')),
    statement: parseNumber(values.get('statement')),
    accountId: named(values.get('account')),
  };
}

/** Those of the known values that the address chooses, by their names in lower case; unknown names are left out. */
export function chosen<T extends string>(known: readonly T[], names: readonly string[]): T[] {
  return known.filter((value) => names.includes(value.toLowerCase()));
}

/** The path with its query; what equals the start is left out. */
export function formatAddress(address: Address): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | null): void => {
    if (value !== null && value !== '') query.set(name, value);
  };
  put('account', address.accountId);
  const range = formatRange(address.range);
  put('range', range === DEFAULT_PRESET ? null : range);
  put('tz', address.timeZone);
  put('by', address.granularity);
  put('q', address.search);
  put('status', address.statuses.join(','));
  put('type', address.types.join(','));
  put('language', address.languages.join(','));
  put('sort', formatSort(address.sort));
  put('size', address.pageSize === START.pageSize ? null : String(address.pageSize));
  put('page', formatPage(address.page));
  put('open', address.open);
  put('entry', address.entry);
  put('statement', address.statement === null ? null : String(address.statement));
  const text = query.toString();
  return `${BASE}/${address.tab}${text === '' ? '' : `?${readable(text)}`}`;
}

const DAY_MS = 86_400_000;

/** Whether a range is at least so many days long. Of presets only 90 days are longer than two cycles. */
export function hasDays(range: RangeChoice, days: number): boolean {
  if (range.kind === 'preset') return range.preset === '90d' && days <= 90;
  const lengthMs = Date.parse(range.to) - Date.parse(range.from);
  return lengthMs + (range.kind === 'days' ? DAY_MS : 0) >= days * DAY_MS;
}

function oneOf<T extends string>(known: readonly T[], value: string | null | undefined): T | null {
  return known.find((one) => one === value) ?? null;
}

function named(id: string | null): string | null {
  return id === '' ? null : id;
}

function parseNumber(value: string | null): number | null {
  return NUMBER.test(value ?? '') ? Number(value) : null;
}

function parseList(value: string | null | undefined, item: RegExp): string[] {
  return (value ?? '').split(',').filter((one) => item.test(one));
}

function parseRange(value: string | null): RangeChoice {
  const preset = oneOf(PRESETS, value);
  if (preset !== null) return { kind: 'preset', preset };
  return parseSpan((value ?? '').split('..')) ?? START.range;
}

function parseSpan([from = '', to = '', ...rest]: readonly string[]): RangeChoice | null {
  if (rest.length > 0) return null;
  if (isDay(from) && isDay(to)) return from <= to ? { kind: 'days', from, to } : null;
  // Not compared as texts: seconds and their fractions may be left out.
  const isSpan = isInstant(from) && isInstant(to) && Date.parse(from) < Date.parse(to);
  return isSpan ? { kind: 'instants', from, to } : null;
}

function formatRange(range: RangeChoice): string {
  return range.kind === 'preset' ? range.preset : `${range.from}..${range.to}`;
}

function isDay(text: string): boolean {
  // Not every text of this form is a day: 2026-02-30 reads as 2 March.
  return DAY.test(text) && isoOf(`${text}T00:00:00Z`).startsWith(text);
}

function isInstant(text: string): boolean {
  return INSTANT.test(text) && isoOf(text) !== '';
}

function isoOf(text: string): string {
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? '' : instant.toISOString();
}

function parseZone(value: string | null): string | null {
  // Browsers take offsets ("+02:00") too, the gateway takes names only.
  if (value === null || !/^[A-Za-z]/.test(value)) return null;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return value;
  } catch {
    return null;
  }
}

function parseSort(value: string | null): Sort | null {
  const field = value?.replace(/^-/, '') ?? '';
  return WORD.test(field) ? { field, descending: value?.startsWith('-') ?? false } : null;
}

function formatSort(sort: Sort | null): string | null {
  return sort === null ? null : `${sort.descending ? '-' : ''}${sort.field}`;
}

function parsePage(value: string | null): PagePlace | null {
  const [, before, direction, cursor] = PAGE.exec(value ?? '') ?? [];
  if (before === undefined || cursor === undefined) return null;
  return { rowsBefore: Number(before), direction: direction === 'a' ? 'after' : 'before', cursor };
}

function formatPage(page: PagePlace | null): string | null {
  if (page === null) return null;
  return `${page.rowsBefore}-${page.direction === 'after' ? 'a' : 'b'}-${page.cursor}`;
}

// Browsers allow these in a query; the address is read by people too.
function readable(query: string): string {
  return query.replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
}
