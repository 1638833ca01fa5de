// The validator of FOCUS files finds each breach of a rule: in a file that keeps them all, one thing is changed at a time.

import { describe, expect, it } from '@jest/globals';
import { problemsOf, type Version } from '../support/focus-validator.ts';

type Row = Readonly<Record<string, string>>;

/** What all rows have. */
const COMMON: Row = {
  BillingAccountId: '12345',
  BillingAccountName: 'Acme',
  BillingCurrency: 'USD',
  BillingPeriodStart: '2025-04-01T00:00:00Z',
  BillingPeriodEnd: '2025-05-01T00:00:00Z',
  ChargePeriodStart: '2025-04-01T00:00:00Z',
  ChargePeriodEnd: '2025-04-02T00:00:00Z',
  ChargeClass: '',
  InvoiceIssuerName: 'ACME',
  ProviderName: 'ACME',
  PublisherName: 'ACME',
};

/** 245 executions of 2 tokens, at 0.5 USD a token. */
const USAGE: Row = {
  ...COMMON,
  BilledCost: '0',
  ChargeCategory: 'Usage',
  ChargeDescription: 'Executions',
  ChargeFrequency: 'Usage-Based',
  ConsumedQuantity: '245',
  ConsumedUnit: 'Executions',
  ContractedCost: '245',
  ContractedUnitPrice: '1',
  EffectiveCost: '245',
  ListCost: '490',
  ListUnitPrice: '2',
  PricingCurrency: 'Tokens',
  PricingCurrencyContractedUnitPrice: '2',
  PricingCurrencyEffectiveCost: '490',
  PricingCurrencyListUnitPrice: '4',
  PricingQuantity: '245',
  PricingUnit: 'Executions',
  ResourceId: 'adbd-1234',
  ResourceName: 'Alpha',
  ResourceType: 'Instance',
  ServiceCategory: 'Compute',
  ServiceName: 'Functions',
  ServiceSubcategory: 'Serverless Compute',
  SkuId: '76',
  SkuMeter: 'Executions',
  SkuPriceDetails: '{"CoreCount":4,"x_Fast":true}',
  SkuPriceId: '76-1',
  x_Owner: 'ana',
};

const PURCHASE: Row = {
  ...USAGE,
  BilledCost: '100',
  ChargeCategory: 'Purchase',
  ChargeFrequency: 'One-Time',
  ConsumedQuantity: '',
  ConsumedUnit: '',
  ContractedCost: '100',
  EffectiveCost: '0',
  ListCost: '200',
  PricingCurrency: 'USD',
  PricingCurrencyContractedUnitPrice: '1',
  PricingCurrencyEffectiveCost: '0',
  PricingCurrencyListUnitPrice: '2',
  PricingQuantity: '100',
  PricingUnit: 'Tokens',
  ResourceId: '',
  ResourceName: '',
  ResourceType: '',
  ServiceCategory: 'Other',
  ServiceName: 'Tokens',
  ServiceSubcategory: 'Other (Other)',
  SkuId: '45',
  SkuMeter: '',
  SkuPriceDetails: '',
  SkuPriceId: '45-1',
};

const CREDIT: Row = {
  ...PURCHASE,
  BilledCost: '-5',
  ChargeCategory: 'Credit',
  ContractedCost: '-5',
  ContractedUnitPrice: '',
  EffectiveCost: '-5',
  ListCost: '-5',
  ListUnitPrice: '',
  PricingCurrencyContractedUnitPrice: '',
  PricingCurrencyListUnitPrice: '',
  SkuId: '',
  SkuPriceId: '',
};

const ROWS = { USAGE, PURCHASE, CREDIT } as const;

function csvOf(rows: readonly Row[], columns = Object.keys(USAGE)): string {
  const cell = (text: string): string =>
    /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [columns, ...rows.map((row) => columns.map((column) => cell(row[column] ?? '')))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function found(rows: readonly Row[], version: Version = '1.2'): readonly string[] {
  return problemsOf(csvOf(rows), version);
}

it('finds nothing in a file that keeps the rules', () => {
  expect(found(Object.values(ROWS))).toEqual([]);
  expect(
    found([{ ...USAGE, ChargeClass: 'Correction', ConsumedQuantity: '', ConsumedUnit: '' }]),
  ).toEqual([]);
  expect(
    found([{ ...USAGE, PricingUnit: 'Gpu-Hours', ConsumedUnit: '1000 Tokens/3 Months' }]),
  ).toEqual([]);
});

describe('finds a cell that breaks a rule', () => {
  it.each<readonly [keyof typeof ROWS, string, string, string]>([
    // Null where it must not be.
    ...Object.keys(USAGE)
      .filter(
        (column) =>
          ![
            ...['BillingAccountName', 'ChargeClass', 'ConsumedUnit', 'ResourceName', 'SkuMeter'],
            ...['PricingUnit', 'ResourceType', 'SkuPriceDetails', 'x_Owner'],
            // Of these the rule is another one: what goes with them must be null too, or the first to be named.
            ...['BillingCurrency', 'ResourceId', 'ServiceSubcategory'],
          ].includes(column),
      )
      .map((column) => ['USAGE', column, '', `${column} is null`] as const),
    ['USAGE', 'ConsumedUnit', '', 'ConsumedUnit is null'],
    ['USAGE', 'PricingUnit', '', 'PricingUnit is null'],
    ['USAGE', 'ResourceType', '', 'ResourceType is null'],
    ['USAGE', 'ServiceSubcategory', '', 'ServiceSubcategory is null'],
    ['PURCHASE', 'SkuId', '', 'SkuId is null'],
    ['PURCHASE', 'PricingQuantity', '', 'PricingQuantity is null'],
    // Not null where it must be.
    ['PURCHASE', 'ConsumedQuantity', '1', 'ConsumedQuantity is 1, not null'],
    ['PURCHASE', 'ConsumedUnit', 'Units', 'ConsumedUnit is Units, not null'],
    ['PURCHASE', 'ResourceName', 'A', 'ResourceName is A, not null'],
    ['PURCHASE', 'ResourceType', 'A', 'ResourceType is A, not null'],
    ['CREDIT', 'SkuMeter', 'A', 'SkuMeter is A, not null'],
    ['CREDIT', 'SkuPriceDetails', '{}', 'SkuPriceDetails is {}, not null'],
    // Placeholders.
    ['USAGE', 'BillingAccountName', ' ', 'BillingAccountName is empty, not null'],
    ['USAGE', 'x_Owner', ' ', 'x_Owner is empty, not null'],
    // Types and formats.
    ['USAGE', 'BilledCost', '+1', 'BilledCost is +1, not numeric'],
    ['USAGE', 'BilledCost', '1,000', 'BilledCost is 1,000, not numeric'],
    ['USAGE', 'BilledCost', '1E+3', 'BilledCost is 1E+3, not numeric'],
    ['USAGE', 'BilledCost', '$1', 'BilledCost is $1, not numeric'],
    ['USAGE', 'ListUnitPrice', '-2', 'ListUnitPrice is negative'],
    ['USAGE', 'ContractedUnitPrice', '-1', 'ContractedUnitPrice is negative'],
    ['USAGE', 'PricingCurrencyListUnitPrice', '-4', 'PricingCurrencyListUnitPrice is negative'],
    ['USAGE', 'ChargePeriodStart', '2025-04-01T00:00:00.000Z', 'not an instant in UTC by seconds'],
    ['USAGE', 'ChargePeriodEnd', '2025-04-02T02:00:00+02:00', 'not an instant in UTC by seconds'],
    ['USAGE', 'BillingPeriodEnd', '2025-13-01T00:00:00Z', 'not an instant in UTC by seconds'],
    ['USAGE', 'SkuPriceDetails', 'CoreCount=4', 'not keys and values'],
    ['USAGE', 'SkuPriceDetails', '{"CoreCount":[4]}', 'not keys and values'],
    ['USAGE', 'SkuPriceDetails', '{"CoreCount":"4"}', 'SkuPriceDetails has CoreCount'],
    ['USAGE', 'SkuPriceDetails', '{"Cores":4}', 'SkuPriceDetails has Cores'],
    ['USAGE', 'PricingUnit', 'executions', 'PricingUnit is executions, which is no unit'],
    ['USAGE', 'ConsumedUnit', 'GB-hours', 'ConsumedUnit is GB-hours, which is no unit'],
    ['USAGE', 'BillingCurrency', 'Tokens', 'BillingCurrency is Tokens, no national currency'],
    ['USAGE', 'BillingCurrency', 'XAU', 'BillingCurrency is XAU, no national currency'],
    ['USAGE', 'BillingCurrency', '', 'BillingCurrency is null'],
    // Allowed values.
    ['USAGE', 'ChargeCategory', 'Hosting', 'ChargeCategory is Hosting, which is not allowed'],
    ['USAGE', 'ChargeClass', 'Refund', 'ChargeClass is Refund, which is not allowed'],
    ['USAGE', 'ChargeFrequency', 'Daily', 'ChargeFrequency is Daily, which is not allowed'],
    ['USAGE', 'ServiceCategory', 'AI', 'ServiceCategory is AI, which is not allowed'],
    ['USAGE', 'ServiceSubcategory', 'Bots', 'ServiceSubcategory is Bots, none of Compute'],
    ['PURCHASE', 'ChargeFrequency', 'Usage-Based', 'ChargeFrequency is Usage-Based of a Purchase'],
    // Columns beside one another.
    ['USAGE', 'ChargePeriodEnd', '2025-04-01T00:00:00Z', 'ChargePeriodEnd is not after'],
    ['USAGE', 'BillingPeriodEnd', '2025-04-01T00:00:00Z', 'BillingPeriodEnd is not after'],
    ['USAGE', 'ResourceName', 'adbd-1234', 'ResourceName repeats ResourceId'],
    ['USAGE', 'ListCost', '489.99', 'ListCost is 489.99, not 2 x 245'],
    ['USAGE', 'ContractedCost', '244', 'ContractedCost is 244, not 1 x 245'],
    ['PURCHASE', 'EffectiveCost', '100', 'EffectiveCost of a purchase for later use is not 0'],
    ['PURCHASE', 'PricingCurrencyEffectiveCost', '1', 'PricingCurrencyEffectiveCost of a purchase'],
    ['CREDIT', 'EffectiveCost', '0', 'EffectiveCost is not BilledCost'],
    ['CREDIT', 'ListCost', '0', 'ListCost is not BilledCost, without ListUnitPrice'],
    [
      'CREDIT',
      'ContractedCost',
      '0',
      'ContractedCost is not BilledCost, without ContractedUnitPrice',
    ],
  ])('of %s: %s as "%s"', (name, column, value, problem) => {
    expect(found([{ ...ROWS[name], [column]: value }])).toEqual(
      expect.arrayContaining([expect.stringContaining(problem)]),
    );
  });

  it.each([
    ['ConsumedQuantity', 'Tax', 'ConsumedQuantity is 245, not null'],
    ['PricingQuantity', 'Tax', 'PricingQuantity is 245, not null'],
    ['ListUnitPrice', 'Tax', 'ListUnitPrice is 2, not null'],
    ['SkuId', 'Tax', 'SkuId is 76, not null'],
  ])('%s of a tax', (_, category, problem) => {
    const problems = found([{ ...USAGE, ChargeCategory: category, ChargeFrequency: 'One-Time' }]);

    expect(problems).toContain(`line 2, ${problem}`);
  });

  it('an empty text between quotes, which is not null', () => {
    const csv = csvOf([{ ...USAGE, x_Owner: '?' }]).replace(/\?/, '""');

    expect(problemsOf(csv, '1.2')).toEqual(['line 2, x_Owner is empty, not null']);
  });

  it('a cost beyond the tolerance of the data definition, and not within it', () => {
    // A millionth of a token is 0.0000005 USD.
    const csv = csvOf([{ ...USAGE, ListCost: '489.9999995', ContractedCost: '244.9999995' }]);

    expect(problemsOf(csv, '1.2', { ofPricing: '0.000001' })).toEqual([]);
    expect(problemsOf(csv, '1.2', { ofPricing: '0.0000009' })).toHaveLength(2);
  });
});

describe('finds columns', () => {
  const columns = Object.keys(USAGE);
  const required = columns.filter(
    (column) => !['ChargeFrequency', 'ServiceSubcategory', 'x_Owner'].includes(column),
  );

  it.each(required)('that lack %s', (column) => {
    const others = columns.filter((one) => one !== column);

    expect(problemsOf(csvOf([], others), '1.2')).toEqual([`${column} is missing`]);
  });

  it.each([
    [[...columns, 'Owner'], 'Owner is no column of this version'],
    [[...columns, 'ServiceProviderName'], 'ServiceProviderName is no column of this version'],
    [[...columns, 'BilledCost'], 'BilledCost is there twice'],
    [[...columns, 'x_owner'], 'x_owner is not in Pascal case'],
    [[...columns, 'x_Cost_Center'], 'x_Cost_Center is not in Pascal case'],
    [['x_First', ...columns], 'own columns do not stand last'],
  ])('%#: %s', (changed, problem) => {
    expect(problemsOf(csvOf([], changed), '1.2')).toContain(problem);
  });

  it('that version 1.3 adds', () => {
    expect(problemsOf(csvOf([]), '1.3')).toEqual([
      'HostProviderName is missing',
      'ServiceProviderName is missing',
    ]);
  });
});

describe('finds what is not the same in all rows', () => {
  it.each([
    ['ServiceCategory', 'AI and Machine Learning', 'ServiceCategory of ServiceName Functions'],
    ['ServiceSubcategory', 'Containers', 'ServiceSubcategory of ServiceName Functions'],
    ['SkuId', '77', 'SkuId of SkuPriceId 76-1'],
    ['SkuPriceDetails', '{}', 'SkuPriceDetails of SkuPriceId 76-1'],
    ['SkuMeter', 'Runs', 'SkuMeter of SkuId 76'],
    ['ResourceType', 'Widget', 'ResourceType of ResourceId adbd-1234'],
  ])('%s', (column, value, problem) => {
    expect(found([USAGE, { ...USAGE, [column]: value }])).toContain(
      `${problem} is not always the same`,
    );
  });
});
