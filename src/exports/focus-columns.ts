// The columns of the FOCUS export by version, in the order of their names; own ones begin with x_ and stand last. Pure.
// docs/exports.md is their definition for users.

import type { Account } from '../account/account.ts';
import { encodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import { formatPico } from '../core/money.ts';
import type { Column } from './columns.ts';
import { type FocusParties, type FocusRow, type FocusVersion, isoSeconds } from './focus-rows.ts';

/** Whom the rows are of, and who is named in them. */
interface Named {
  readonly account: Account;
  readonly parties: FocusParties;
}

/** The columns of a version. */
export function focusColumns(version: FocusVersion, named: Named): readonly Column<FocusRow>[] {
  return [
    ...standardColumns(named),
    ...(version === '1.3' ? addedIn13(named) : []),
    ...ownColumns,
  ].sort(byName);
}

// Own columns come last: x stands after all capital letters.
function byName({ name: a }: Column<FocusRow>, { name: b }: Column<FocusRow>): number {
  return a < b ? -1 : 1;
}

function text(name: string, value: (row: FocusRow) => string | null): Column<FocusRow> {
  return { name, kind: 'text', value };
}

function money(name: string, value: (row: FocusRow) => bigint | null): Column<FocusRow> {
  return { name, kind: 'number', value: (row) => orNull(value(row), formatPico) };
}

function credits(name: string, value: (row: FocusRow) => bigint | null): Column<FocusRow> {
  return { name, kind: 'number', value: (row) => orNull(value(row), formatMicro) };
}

function orNull(value: bigint | null, format: (value: bigint) => string): string | null {
  return value === null ? null : format(value);
}

function standardColumns({ account, parties }: Named): readonly Column<FocusRow>[] {
  const accountId = encodeId('Account', account.accountId, account.accountId);
  return [
    text('BillingAccountId', () => accountId),
    text('BillingAccountName', () => account.name),
    text('InvoiceIssuerName', () => parties.issuerName),
    text('ProviderName', () => parties.providerName),
    text('PublisherName', () => parties.publisherName),
    ...chargeColumns,
    ...costColumns,
    ...subjectColumns,
  ];
}

function addedIn13({ parties }: Named): readonly Column<FocusRow>[] {
  return [
    text('HostProviderName', () => parties.providerName),
    text('ServiceProviderName', () => parties.providerName),
  ];
}

const chargeColumns: readonly Column<FocusRow>[] = [
  text('BillingPeriodStart', ({ stretch }) => isoSeconds(stretch.cycle.fromMs)),
  text('BillingPeriodEnd', ({ stretch }) => isoSeconds(stretch.cycle.toMs)),
  text('ChargePeriodStart', ({ period }) => isoSeconds(period.fromMs)),
  text('ChargePeriodEnd', ({ period }) => isoSeconds(period.toMs)),
  text('ChargeCategory', ({ category }) => category),
  text('ChargeClass', ({ isCorrection }) => (isCorrection ? 'Correction' : null)),
  text('ChargeDescription', ({ description }) => description),
  text('ChargeFrequency', ({ frequency }) => frequency),
  text('InvoiceId', ({ stretch }) => stretch.cycle.invoiceId),
];

const costColumns: readonly Column<FocusRow>[] = [
  text('BillingCurrency', ({ stretch }) => stretch.price.currency),
  money('BilledCost', (row) => row.billedPico),
  money('EffectiveCost', (row) => row.effectivePico),
  money('ListCost', (row) => row.listPico),
  money('ContractedCost', (row) => row.contractedPico),
  money('ListUnitPrice', (row) => row.listUnitPico),
  money('ContractedUnitPrice', (row) => row.contractedUnitPico),
  text('PricingCurrency', (row) => row.pricingCurrency),
  credits('PricingCurrencyListUnitPrice', (row) => row.pricingListUnitMicro),
  credits('PricingCurrencyContractedUnitPrice', (row) => row.pricingContractedUnitMicro),
  credits('PricingCurrencyEffectiveCost', (row) => row.usedMicro),
  money('PricingQuantity', (row) => row.quantityPico),
  text('PricingUnit', (row) => row.unit),
  money('ConsumedQuantity', (row) => row.consumedPico),
  text('ConsumedUnit', (row) => row.consumedUnit),
];

const subjectColumns: readonly Column<FocusRow>[] = [
  text('SkuId', ({ sku }) => sku?.id ?? null),
  text('SkuMeter', ({ sku }) => sku?.meter ?? null),
  text('SkuPriceDetails', ({ sku }) => sku?.details ?? null),
  text('SkuPriceId', ({ sku }) => sku?.priceId ?? null),
  text('ResourceId', (row) => row.resourceId),
  text('ResourceName', (row) => row.resourceName),
  text('ResourceType', (row) => row.resourceType),
  text('ServiceCategory', ({ service }) => service.category),
  text('ServiceName', ({ service }) => service.name),
  text('ServiceSubcategory', ({ service }) => service.subcategory),
];

const ownColumns: readonly Column<FocusRow>[] = [
  text('x_Component', (row) => row.component),
  // Resources have no labels yet.
  text('x_Labels', () => null),
  { name: 'x_LedgerSequence', kind: 'number', value: ({ sequence }) => sequence },
  text('x_Owner', (row) => row.owner),
];
