// Checks a file against the rules of FOCUS 1.2 and 1.3, column by column, as the specification has them
// (focus.finops.org): presence, types, formats, nullability, allowed values, and what columns say of one another. It knows
// nothing of how the file was made.

import { parse } from 'csv-parse/sync';

export type Version = '1.2' | '1.3';
/** By column; null is nothing between commas. */
export type Cells = Readonly<Record<string, string | null>>;

/** How far a cost may lie from quantity times price: the provider's data definition says so. In the pricing currency. */
export interface Tolerance {
  readonly ofPricing: string;
}

type Type = 'String' | 'Decimal' | 'Date/Time' | 'JSON';
type Nullity = 'never' | 'may' | ((row: Cells) => 'must' | 'never' | 'may');

interface Spec {
  readonly type: Type;
  /** Whether the column must be there, with prices in a virtual currency that are published. */
  readonly isRequired: boolean;
  readonly nulls: Nullity;
  readonly allowed?: readonly string[];
  readonly min0?: boolean;
  readonly isUnit?: boolean;
}

const is = (row: Cells, column: string, ...values: readonly (string | null)[]): boolean =>
  values.includes(row[column] ?? null);
const isPriced = (row: Cells): boolean =>
  is(row, 'ChargeCategory', 'Usage', 'Purchase') && !is(row, 'ChargeClass', 'Correction');

/** Required of usage and purchases that are no corrections, forbidden of taxes. */
const ofPriced: Nullity = (row) => {
  if (is(row, 'ChargeCategory', 'Tax')) return 'must';
  return isPriced(row) ? 'never' : 'may';
};
/** Null together with another column. */
const with_ =
  (column: string): Nullity =>
  (row) =>
    is(row, column, null) ? 'must' : 'never';
const nullWith =
  (column: string): Nullity =>
  (row) =>
    is(row, column, null) ? 'must' : 'may';
const ofConsumption: Nullity = (row) => {
  if (!is(row, 'ChargeCategory', 'Usage')) return 'must';
  return is(row, 'ChargeClass', 'Correction') ? 'may' : 'never';
};

const text = (nulls: Nullity, isRequired = true): Spec => ({ type: 'String', nulls, isRequired });
const decimal = (nulls: Nullity, isRequired = true): Spec => ({
  type: 'Decimal',
  nulls,
  isRequired,
});
const instant: Spec = { type: 'Date/Time', nulls: 'never', isRequired: true };
const optional = (type: Type, nulls: Nullity = 'may'): Spec => ({ type, nulls, isRequired: false });

const SUBCATEGORIES: Readonly<Record<string, readonly string[]>> = {
  'AI and Machine Learning': [
    'AI Platforms',
    'Bots',
    'Generative AI',
    'Machine Learning',
    'Natural Language Processing',
    'Other (AI and Machine Learning)',
  ],
  Compute: [
    'Containers',
    'End User Computing',
    'Quantum Compute',
    'Serverless Compute',
    'Virtual Machines',
    'Other (Compute)',
  ],
  Other: ['Other (Other)'],
};
/** All categories; those without entries above have no subcategory in these tests. */
const CATEGORIES = [
  ...['AI and Machine Learning', 'Analytics', 'Business Applications', 'Compute', 'Databases'],
  ...['Developer Tools', 'Multicloud', 'Identity', 'Integration', 'Internet of Things'],
  ...['Management and Governance', 'Media', 'Migration', 'Mobile', 'Networking', 'Security'],
  ...['Storage', 'Web', 'Other'],
];

const columnsOf12: Readonly<Record<string, Spec>> = {
  AvailabilityZone: optional('String'),
  BilledCost: decimal('never'),
  BillingAccountId: text('never'),
  BillingAccountName: text('may'),
  BillingAccountType: optional('String'),
  BillingCurrency: text('never'),
  BillingPeriodEnd: instant,
  BillingPeriodStart: instant,
  CapacityReservationId: optional('String'),
  CapacityReservationStatus: optional('String'),
  ChargeCategory: {
    ...text('never'),
    allowed: ['Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'],
  },
  ChargeClass: { ...text('may'), allowed: ['Correction'] },
  ChargeDescription: text('never'),
  ChargeFrequency: {
    ...text('never', false),
    allowed: ['One-Time', 'Recurring', 'Usage-Based'],
  },
  ChargePeriodEnd: instant,
  ChargePeriodStart: instant,
  CommitmentDiscountCategory: optional('String'),
  CommitmentDiscountId: optional('String'),
  CommitmentDiscountName: optional('String'),
  CommitmentDiscountQuantity: optional('Decimal'),
  CommitmentDiscountStatus: optional('String'),
  CommitmentDiscountType: optional('String'),
  CommitmentDiscountUnit: optional('String'),
  ConsumedQuantity: decimal(ofConsumption),
  ConsumedUnit: { ...text(with_('ConsumedQuantity')), isUnit: true },
  ContractedCost: decimal('never'),
  ContractedUnitPrice: { ...decimal(ofPriced), min0: true },
  EffectiveCost: decimal('never'),
  InvoiceId: optional('String'),
  InvoiceIssuerName: text('never'),
  ListCost: decimal('never'),
  ListUnitPrice: { ...decimal(ofPriced), min0: true },
  PricingCategory: {
    ...optional('String', ofPriced),
    allowed: ['Standard', 'Dynamic', 'Committed', 'Other'],
  },
  PricingCurrency: text('never'),
  PricingCurrencyContractedUnitPrice: { ...decimal(ofPriced), min0: true },
  PricingCurrencyEffectiveCost: decimal('never'),
  PricingCurrencyListUnitPrice: { ...decimal(ofPriced), min0: true },
  PricingQuantity: decimal(ofPriced),
  PricingUnit: { ...text(with_('PricingQuantity')), isUnit: true },
  ProviderName: text('never'),
  PublisherName: text('never'),
  RegionId: optional('String'),
  RegionName: optional('String'),
  ResourceId: text('may'),
  ResourceName: text(nullWith('ResourceId')),
  ResourceType: text(with_('ResourceId')),
  ServiceCategory: { ...text('never'), allowed: CATEGORIES },
  ServiceName: text('never'),
  ServiceSubcategory: text('never', false),
  SkuId: text(ofPriced),
  SkuMeter: text(nullWith('SkuId')),
  SkuPriceDetails: { type: 'JSON', nulls: nullWith('SkuPriceId'), isRequired: true },
  SkuPriceId: text(ofPriced),
  SubAccountId: optional('String'),
  SubAccountName: optional('String'),
  SubAccountType: optional('String'),
  Tags: optional('JSON'),
};

const columnsOf13: Readonly<Record<string, Spec>> = {
  ...columnsOf12,
  HostProviderName: text('may'),
  ServiceProviderName: text('never'),
};

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
/** Integers, decimals and "mEn"; a sign only before what is negative. */
const NUMERIC = /^-?\d+(\.\d+)?(E-?\d+)?$/;
const NATIONAL = /^(?!X(?!AF$|CD$|CG$|OF$|PF$))[A-Z]{3}$/;
/** "GB", "GB-Hours", "GB/Hour", "1000 Tokens", "Units/3 Months". */
const UNIT = /^(\d+ )?\p{Lu}[^-/]*((-\p{Lu}\p{L}*s)|(\/(\d+ )?\p{Lu}\p{L}*))?$/u;

/** Properties of a price that FOCUS defines, with the types of their values. */
const PRICE_DETAILS: Readonly<Record<string, 'number' | 'string'>> = {
  CoreCount: 'number',
  DiskMaxIops: 'number',
  DiskSpace: 'number',
  DiskType: 'string',
  GpuCount: 'number',
  InstanceSeries: 'string',
  InstanceType: 'string',
  MemorySize: 'number',
  NetworkMaxIops: 'number',
  NetworkMaxThroughput: 'number',
  OperatingSystem: 'string',
  Redundancy: 'string',
  StorageClass: 'string',
};

/** A file as its columns and rows. @throws Error when it is no CSV */
export function readFocus(csv: string): {
  readonly columns: readonly string[];
  readonly rows: readonly Cells[];
} {
  const [columns, ...rows] = parse(csv, {
    relax_column_count: false,
    record_delimiter: '\r\n',
    cast: (value: string, { quoting }) => (value === '' && !quoting ? null : value),
  }) as unknown as [string[], ...(readonly (string | null)[])[]];
  return {
    columns,
    rows: rows.map((cells) =>
      Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? null])),
    ),
  };
}

/** What breaks a rule, as sentences that begin with the line and the column; empty: the file keeps them all. */
export function problemsOf(
  csv: string,
  version: Version,
  tolerance: Tolerance = { ofPricing: '0' },
): readonly string[] {
  const specs = version === '1.2' ? columnsOf12 : columnsOf13;
  const { columns, rows } = readFocus(csv);
  return [
    ...problemsOfColumns(columns, specs),
    ...rows.flatMap((row, index) => {
      const problems = [
        ...columns.flatMap((column) => problemsOfCell(column, row, specs[column])),
        ...problemsOfRow(row, tolerance),
      ];
      return problems.map((problem) => `line ${index + 2}, ${problem}`);
    }),
    ...problemsAcross(rows),
  ];
}

function problemsOfColumns(
  columns: readonly string[],
  specs: Readonly<Record<string, Spec>>,
): readonly string[] {
  const own = columns.filter((column) => column.startsWith('x_'));
  const firstOwn = columns.findIndex((column) => column.startsWith('x_'));
  const missing = Object.keys(specs).filter(
    (column) => specs[column]?.isRequired === true && !columns.includes(column),
  );
  return [
    ...missing.map((column) => `${column} is missing`),
    ...columns
      .filter((column) => !column.startsWith('x_') && specs[column] === undefined)
      .map((column) => `${column} is no column of this version`),
    ...columns
      .filter((column, index) => columns.indexOf(column) !== index)
      .map((column) => `${column} is there twice`),
    ...own
      .filter((column) => !/^x_([A-Z][a-z0-9]+)+$/.test(column) || column.length > 50)
      .map((column) => `${column} is not in Pascal case`),
    ...(firstOwn >= 0 && columns.slice(firstOwn).some((column) => !column.startsWith('x_'))
      ? ['own columns do not stand last']
      : []),
  ];
}

function problemsOfCell(column: string, row: Cells, spec: Spec | undefined): readonly string[] {
  const value = row[column] ?? null;
  const nulls = nullsOf(spec, row);
  if (value === null) return nulls === 'never' ? [`${column} is null`] : [];
  if (nulls === 'must') return [`${column} is ${value}, not null`];
  if (value.trim() === '') return [`${column} is empty, not null`];
  return spec === undefined ? [] : problemsOfValue(column, value, spec);
}

function problemsOfValue(column: string, value: string, spec: Spec): readonly string[] {
  const { allowed = [value], isUnit = false } = spec;
  return [
    ...checksOf[spec.type](value, spec).map((what) => `${column} ${what}`),
    ...(allowed.includes(value) ? [] : [`${column} is ${value}, which is not allowed`]),
    ...(isUnit && !UNIT.test(value) ? [`${column} is ${value}, which is no unit`] : []),
  ];
}

function nullsOf(spec: Spec | undefined, row: Cells): 'must' | 'never' | 'may' {
  if (spec === undefined) return 'may';
  return typeof spec.nulls === 'function' ? spec.nulls(row) : spec.nulls;
}

const checksOf: Readonly<Record<Type, (value: string, spec: Spec) => readonly string[]>> = {
  String: () => [],
  'Date/Time': (value) =>
    DATE_TIME.test(value) && !Number.isNaN(Date.parse(value))
      ? []
      : [`is ${value}, not an instant in UTC by seconds`],
  Decimal: (value, { min0 = false }) => {
    if (!NUMERIC.test(value)) return [`is ${value}, not numeric`];
    return min0 && value.startsWith('-') ? ['is negative'] : [];
  },
  JSON: (value) => (isKeyValues(value) ? [] : [`is ${value}, not keys and values`]),
};

function isKeyValues(value: string): boolean {
  try {
    const object: unknown = JSON.parse(value);
    if (typeof object !== 'object' || object === null || Array.isArray(object)) return false;
    return Object.values(object).every((one) => one === null || typeof one !== 'object');
  } catch {
    return false;
  }
}

/** What columns of a row say of one another. */
function problemsOfRow(row: Cells, tolerance: Tolerance): readonly string[] {
  return [
    ...problemsOfCharge(row),
    ...problemsOfSubject(row),
    ...problemsOfCosts(row),
    ...problemsOfProduct(row, 'List', tolerance),
    ...problemsOfProduct(row, 'Contracted', tolerance),
  ];
}

function problemsOfCharge(row: Cells): readonly string[] {
  const problems: string[] = [];
  for (const period of ['BillingPeriod', 'ChargePeriod']) {
    const [from, to] = [row[`${period}Start`] ?? '', row[`${period}End`] ?? ''];
    if (from >= to) problems.push(`${period}End is not after ${period}Start`);
  }
  if (is(row, 'ChargeFrequency', 'Usage-Based') && is(row, 'ChargeCategory', 'Purchase')) {
    problems.push('ChargeFrequency is Usage-Based of a Purchase');
  }
  if (!NATIONAL.test(row['BillingCurrency'] ?? '')) {
    problems.push(`BillingCurrency is ${String(row['BillingCurrency'])}, no national currency`);
  }
  return problems;
}

function problemsOfSubject(row: Cells): readonly string[] {
  const problems: string[] = [];
  const { ServiceCategory: category, ServiceSubcategory: subcategory } = row;
  if (!(SUBCATEGORIES[category ?? ''] ?? []).includes(subcategory ?? '')) {
    problems.push(`ServiceSubcategory is ${String(subcategory)}, none of ${String(category)}`);
  }
  if (row['ResourceName'] != null && row['ResourceName'] === row['ResourceId']) {
    problems.push('ResourceName repeats ResourceId');
  }
  return [...problems, ...problemsOfDetails(row['SkuPriceDetails'] ?? null)];
}

function problemsOfDetails(details: string | null): readonly string[] {
  if (details === null || !isKeyValues(details)) return [];
  return Object.entries(JSON.parse(details) as object)
    .filter(([key, value]) => {
      const type = PRICE_DETAILS[key];
      return type === undefined ? !key.startsWith('x_') : typeof value !== type;
    })
    .map(([key]) => `SkuPriceDetails has ${key}, which FOCUS does not have so`);
}

function problemsOfCosts(row: Cells): readonly string[] {
  const problems: string[] = [];
  const cost = (column: string): bigint => scaled(row[column]);
  if (is(row, 'ChargeCategory', 'Purchase')) {
    // All purchases are of credits, which are for later use.
    for (const column of ['EffectiveCost', 'PricingCurrencyEffectiveCost']) {
      if (cost(column) !== 0n) problems.push(`${column} of a purchase for later use is not 0`);
    }
  }
  if (!is(row, 'ChargeCategory', 'Usage', 'Purchase')) {
    if (cost('EffectiveCost') !== cost('BilledCost')) {
      problems.push('EffectiveCost is not BilledCost');
    }
  }
  for (const name of ['List', 'Contracted']) {
    if (is(row, `${name}UnitPrice`, null) && cost(`${name}Cost`) !== cost('BilledCost')) {
      problems.push(`${name}Cost is not BilledCost, without ${name}UnitPrice`);
    }
  }
  return problems;
}

/** The product of unit price and quantity is the cost, but for what the provider's definition allows. */
function problemsOfProduct(
  row: Cells,
  name: 'List' | 'Contracted',
  { ofPricing }: Tolerance,
): readonly string[] {
  const [price, pricing] = [row[`${name}UnitPrice`], row[`PricingCurrency${name}UnitPrice`]];
  const quantity = row['PricingQuantity'];
  if (price == null || quantity == null || is(row, 'ChargeClass', 'Correction')) return [];
  const difference = scaled(price) * scaled(quantity) - scaled(row[`${name}Cost`]) * SCALE;
  const size = difference < 0n ? -difference : difference;
  // The tolerance is in the pricing currency; the ratio of both prices takes it to the billing currency.
  const allowed = scaled(ofPricing) * scaled(price) * SCALE;
  const divisor = pricing == null || scaled(pricing) === 0n ? SCALE : scaled(pricing);
  return size * divisor <= allowed
    ? []
    : [`${name}Cost is ${String(row[`${name}Cost`])}, not ${price} x ${quantity}`];
}

const DIGITS = 18;
const SCALE = 10n ** BigInt(DIGITS);

function scaled(decimalText: string | null | undefined): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimalText ?? '');
  if (match === null) return 0n;
  const [, sign, whole = '', fraction = ''] = match;
  const value = BigInt(whole) * SCALE + BigInt(fraction.padEnd(DIGITS, '0').slice(0, DIGITS));
  return sign === '-' ? -value : value;
}

/** What must be the same in all rows. */
function problemsAcross(rows: readonly Cells[]): readonly string[] {
  return [
    ['ServiceName', 'ServiceCategory'],
    ['ServiceName', 'ServiceSubcategory'],
    ['SkuPriceId', 'SkuId'],
    ['SkuPriceId', 'SkuPriceDetails'],
    ['SkuId', 'SkuMeter'],
    ['ResourceId', 'ResourceType'],
  ].flatMap(([of = '', has = '']) => {
    const seen = new Map<string, string | null>();
    return rows.flatMap((row) => {
      const [key, value] = [row[of] ?? null, row[has] ?? null];
      if (key === null) return [];
      if (!seen.has(key)) seen.set(key, value);
      return seen.get(key) === value ? [] : [`${has} of ${of} ${key} is not always the same`];
    });
  });
}
