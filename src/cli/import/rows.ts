// Converts a row to what the API takes. Everything that a scalar of the API would refuse is found here, because a scalar
// refuses the whole call: one bad cell must not cost its batch.

import type {
  HostingPeriodInput,
  RegisterAnyInput,
  RegisterModelInput,
  UsageEventInput,
} from '@billing-gateway/client';
import { UserInputError } from '../../core/errors.ts';
import { formatMicro, INT_MAX, MICRO_MAX, parseMicro } from '../../core/micro.ts';
import { isoInstant } from '../../core/range.ts';
import {
  type ModelType,
  modelTypes,
  type ResourceKind,
  resourceKinds,
} from '../../resources/resource.ts';
import { usageEventTypes } from '../../rollups/kinds.ts';
import { isBlank } from '../../core/text.ts';
import {
  decimalHint,
  multiplyDecimals,
  pointed,
  roundHalfUp,
  type Decimal,
  type DecimalMark,
} from './decimal.ts';
import { RowRejection } from './errors.ts';
import { endMs, instantMs, type TimeRule, type TimeUnit } from './instant.ts';
import type { Condition, Row, Value } from './value.ts';

/** How the parts of an event are read from a row; undefined for a flag that was not given. */
export interface Mapping {
  readonly as: 'usage' | 'hosting';
  /** Number of cells in a complete row. */
  readonly columnCount: number;
  readonly where: readonly Condition[];
  readonly time: TimeRule;
  readonly durationUnit: Exclude<TimeUnit, 'iso'>;
  /** For all numbers of the file. */
  readonly decimal: DecimalMark;
  /** Credits for one unit of quantity; null when `credits` is given, or nothing is. */
  readonly pricePerUnit: Decimal | null;
  readonly values: Readonly<Partial<Record<ValueFlag, Value>>>;
}

export type ValueFlag =
  | 'source'
  | 'eventId'
  | 'type'
  | 'kind'
  | 'resource'
  | 'model'
  | 'at'
  | 'quantity'
  | 'unit'
  | 'credits'
  | 'from'
  | 'to'
  | 'duration'
  | 'hardware'
  | 'replicas'
  | 'name'
  | 'owner'
  | 'modelType'
  | 'language'
  | 'languageVersion'
  | 'ocrModel';

/** A resource or model to register before the events that name it. Its key is equal for all rows of the same one. */
export type Registration =
  | { readonly key: string; readonly isModel: false; readonly input: RegisterAnyInput }
  | { readonly key: string; readonly isModel: true; readonly input: RegisterModelInput };

/** Whether every --where holds. @throws RowRejection when a cell cannot be compared */
export function isWanted(row: Row, mapping: Mapping): boolean {
  return mapping.where.every((holds) => holds(row));
}

/** A UsageEventInput. @throws RowRejection naming the flag and the cell at fault */
export function usageEventOf(row: Row, mapping: Mapping): UsageEventInput {
  const type = member('type', needed('type', row, mapping), usageEventTypes);
  const quantityText = optional('quantity', row, mapping);
  const quantity =
    quantityText === undefined ? undefined : wholeNumber('quantity', quantityText, mapping.decimal);
  return {
    ...identityOf(row, mapping),
    type,
    occurredAt: isoInstant(instantMs(needed('at', row, mapping), mapping.time, 'at')),
    ...(namesModel(type) ? modelRefOf(row, mapping) : resourceRefOf(row, mapping)),
    quantity,
    unit: optional('unit', row, mapping),
    credits: type === 'WORKFLOW_RUN' ? undefined : creditsOf(row, mapping, quantity ?? 1),
  };
}

/** A HostingPeriodInput. @throws RowRejection naming the flag and the cell at fault */
export function hostingPeriodOf(row: Row, mapping: Mapping): HostingPeriodInput {
  const fromMs = instantMs(needed('from', row, mapping), mapping.time, 'from');
  const toMs =
    mapping.values.duration === undefined
      ? instantMs(needed('to', row, mapping), mapping.time, 'to')
      : endMs(fromMs, needed('duration', row, mapping), {
          unit: mapping.durationUnit,
          decimal: mapping.decimal,
        });
  if (toMs <= fromMs) {
    throw new RowRejection(
      `The period from ${isoInstant(fromMs)} to ${isoInstant(toMs)} has no length.`,
    );
  }
  const replicas = wholeNumber(
    'replicas',
    optional('replicas', row, mapping) ?? '1',
    mapping.decimal,
  );
  if (replicas < 1 || replicas > INT_MAX) {
    throw new RowRejection(`replicas is ${replicas}; it must be a whole number from 1 on.`);
  }
  return {
    ...identityOf(row, mapping),
    ...resourceRefOf(row, mapping),
    hardware: needed('hardware', row, mapping),
    replicas,
    from: isoInstant(fromMs),
    to: isoInstant(toMs),
  };
}

/** The resource of a row, or the model that its event names, for --register. @throws RowRejection */
export function registrationOf(row: Row, mapping: Mapping): Registration {
  const type = mapping.as === 'usage' ? needed('type', row, mapping) : '';
  if (namesModel(type)) return modelRegistration(row, mapping);
  const kind = kindOf(row, mapping);
  const externalId = needed('resource', row, mapping);
  return {
    key: `${kind} ${externalId}`,
    isModel: false,
    input: {
      kind,
      externalId,
      name: optional('name', row, mapping) ?? externalId,
      owner: optional('owner', row, mapping),
      ...partsOfKind(kind, row, mapping),
    },
  };
}

/** FINE_TUNING and STORAGE belong to a model, the others to a resource. */
export function namesModel(type: string): boolean {
  return type === 'FINE_TUNING' || type === 'STORAGE';
}

function identityOf(row: Row, mapping: Mapping): Pick<UsageEventInput, 'source' | 'eventId'> {
  return { source: needed('source', row, mapping), eventId: needed('eventId', row, mapping) };
}

function resourceRefOf(
  row: Row,
  mapping: Mapping,
): { readonly resourceKind: ResourceKind; readonly resourceExternalId: string } {
  return {
    resourceKind: kindOf(row, mapping),
    resourceExternalId: needed('resource', row, mapping),
  };
}

function modelRefOf(row: Row, mapping: Mapping): Pick<UsageEventInput, 'modelExternalId'> {
  return { modelExternalId: needed('model', row, mapping) };
}

function kindOf(row: Row, mapping: Mapping): ResourceKind {
  return member('kind', needed('kind', row, mapping), resourceKinds);
}

function modelRegistration(row: Row, mapping: Mapping): Registration {
  const externalId = needed('model', row, mapping);
  return {
    key: `MODEL ${externalId}`,
    isModel: true,
    input: {
      externalId,
      name: optional('name', row, mapping) ?? externalId,
      type: modelTypeOf(row, mapping),
    },
  };
}

function partsOfKind(kind: ResourceKind, row: Row, mapping: Mapping): Partial<RegisterAnyInput> {
  switch (kind) {
    case 'MODEL_DEPLOYMENT':
      return {
        modelExternalId: needed('model', row, mapping),
        modelType: modelTypeOf(row, mapping),
      };
    case 'CUSTOM_SCRIPT':
      return {
        language: needed('language', row, mapping),
        languageVersion: needed('languageVersion', row, mapping),
      };
    case 'OCR_DEPLOYMENT':
      return { ocrModel: needed('ocrModel', row, mapping) };
    case 'WORKFLOW':
    case 'GUARDRAIL':
    case 'BROWSER_POD':
      return {};
  }
}

function modelTypeOf(row: Row, mapping: Mapping): ModelType {
  return member('modelType', optional('modelType', row, mapping) ?? 'BASE', modelTypes);
}

function creditsOf(row: Row, mapping: Mapping, quantity: number): string {
  if (mapping.pricePerUnit === null)
    return decimalCredits(needed('credits', row, mapping), mapping.decimal);
  const units: Decimal = { units: BigInt(quantity), scale: 0 };
  const micro = roundHalfUp(multiplyDecimals(units, mapping.pricePerUnit), 6);
  if (micro > MICRO_MAX) {
    throw new RowRejection(`${quantity} units cost more than ${formatMicro(MICRO_MAX)} credits.`);
  }
  return formatMicro(micro);
}

function decimalCredits(text: string, mark: DecimalMark): string {
  const micro = microOf(text.trim(), mark);
  if (micro < 0n) throw new RowRejection(`credits is ${text}; it must be zero or more.`);
  return formatMicro(micro);
}

function microOf(text: string, mark: DecimalMark): bigint {
  try {
    return parseMicro(pointed(text, mark));
  } catch (error) {
    if (!(error instanceof UserInputError)) throw error;
    // The error quotes the number with a point, which a file with commas does not contain.
    throw new RowRejection(
      mark === ','
        ? `credits is ${JSON.stringify(text)}; it must be a number like "212,16", with at most six digits after the comma, up to ${formatMicro(MICRO_MAX).replace('.', ',')}.`
        : `credits: ${error.message}${decimalHint(text, mark)}`,
    );
  }
}

function wholeNumber(flag: ValueFlag, text: string, mark: DecimalMark): number {
  const trimmed = pointed(text.trim(), mark);
  // "12.0", as columns of floats contain, is a whole number too.
  const value = /^\d{1,17}(\.0{1,40})?$/.test(trimmed) ? Number(trimmed.split('.')[0]) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new RowRejection(`${flag} is "${text}"; it must be a whole number from 0 to 2^53 - 1.`);
  }
  return value;
}

function member<K extends string>(
  flag: ValueFlag,
  text: string,
  allowed: Readonly<Record<K, K>>,
): K {
  const members: readonly K[] = Object.values(allowed);
  const found = members.find((name) => name === text);
  if (found === undefined) {
    throw new RowRejection(`${flag} is "${text}"; it must be one of ${members.join(', ')}.`);
  }
  return found;
}

function needed(flag: ValueFlag, row: Row, mapping: Mapping): string {
  const text = mapping.values[flag]?.of(row) ?? '';
  if (isBlank(text)) {
    throw new RowRejection(`${flag} ${text === '' ? 'is empty' : 'holds only blanks'}.`);
  }
  return text;
}

function optional(flag: ValueFlag, row: Row, mapping: Mapping): string | undefined {
  const text = mapping.values[flag]?.of(row) ?? '';
  return text === '' ? undefined : text;
}
