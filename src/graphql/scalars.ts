// Input is parsed to canonical strings and epoch milliseconds, never to bigint or objects: graphql-jit compiles inline
// literals into code, and only plain JSON values survive that.

import { GraphQLScalarType, Kind } from 'graphql';
import { GraphQLEmailAddress, GraphQLSafeInt } from 'graphql-scalars';
import { parseLocalDate, parseTimeZone } from '../core/calendar.ts';
import { UserInputError } from '../core/errors.ts';
import { parseInstant } from '../core/instant.ts';
import { formatMicro, parseMicro } from '../core/micro.ts';
import { HOUR_MS, isoInstant } from '../core/range.ts';
import { PLAIN_TEXT } from './field-extensions.ts';

export { GraphQLEmailAddress as EmailAddressScalar, GraphQLSafeInt as SafeIntScalar };

// Answers are bigint. Parsed values, such as an argument's default, are canonical strings already.
function serializeMicro(value: unknown): string {
  if (typeof value === 'string') return formatMicro(parseMicro(value));
  return typeof value === 'bigint' ? formatMicro(value) : unserialisable(value);
}

interface TextScalar<TInternal> {
  readonly name: string;
  /** Whether what it serializes to is printable ASCII without quotes and backslashes. Default: who knows. */
  readonly isPlain?: boolean;
  readonly description: string;
  readonly parse: (text: string) => TInternal;
  readonly serialize: (value: unknown) => string;
}

/** What formatMicro prints, for most amounts. Zero, debt and the largest amounts take the slow way. */
const CANONICAL_CREDITS = /^(?:[1-9]\d{0,11}|0(?=\.))(?:\.\d{0,5}[1-9])?$/;

/** An exact decimal of credits: bigint micro-credits inside. */
export const CreditsScalar = textScalar({
  name: 'Credits',
  isPlain: true,
  description:
    'An exact decimal number of credits with at most six fraction digits, as a string: "212.16". No trailing zeros and no exponent; debt is negative.',
  // Text that is canonical already need not be parsed and printed again.
  parse: (text) => (CANONICAL_CREDITS.test(text) ? text : formatMicro(parseMicro(text))),
  serialize: serializeMicro,
});

/** An exact decimal that is no credits (percents, hours): bigint millionths inside. */
export const DecimalScalar = textScalar({
  name: 'Decimal',
  isPlain: true,
  description: 'An exact decimal number in the form of Credits, for percentages, hours and prices.',
  parse: (text) => formatMicro(parseMicro(text)),
  serialize: serializeMicro,
});

/** An instant: epoch milliseconds inside. */
export const DateTimeScalar = textScalar({
  name: 'DateTime',
  isPlain: true,
  description:
    'An instant in RFC 3339. Answers are in UTC with milliseconds. Input may have any offset; digits beyond milliseconds are cut off.',
  parse: (text) => parseInstant(text),
  serialize: (value) => (typeof value === 'number' ? isoInstant(value) : unserialisable(value)),
});

export const LocalDateScalar = textScalar({
  name: 'LocalDate',
  description: 'A calendar day: "2026-03-29".',
  parse: (text) => {
    parseLocalDate(text);
    return text;
  },
  serialize: (value) => (typeof value === 'string' ? value : unserialisable(value)),
});

export const TimeZoneScalar = textScalar({
  name: 'TimeZone',
  description: 'An IANA time zone name: "Asia/Kolkata".',
  parse: (text) => parseTimeZone(text),
  serialize: (value) => (typeof value === 'string' ? value : unserialisable(value)),
});

/** A length of time: milliseconds inside. */
export const DurationScalar = textScalar({
  name: 'Duration',
  isPlain: true,
  description: 'A length of time in ISO 8601, with hours as the largest unit: "PT36H15M".',
  parse: (): never => {
    throw new UserInputError('Duration is an output type and cannot be used as input.');
  },
  serialize: (value) => (typeof value === 'number' ? isoDuration(value) : unserialisable(value)),
});

export const UrlScalar = textScalar({
  name: 'URL',
  description: 'An absolute http or https URL.',
  parse: (text) => {
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
    throw new UserInputError(`${JSON.stringify(text.slice(0, 80))} is not an http or https URL.`);
  },
  serialize: (value) => (typeof value === 'string' ? value : unserialisable(value)),
});

/** Milliseconds as ISO 8601 with hours as the largest unit: 130_500_250 is "PT36H15M0.25S". */
export function isoDuration(durationMs: number): string {
  const hours = Math.floor(durationMs / HOUR_MS);
  const minutes = Math.floor((durationMs % HOUR_MS) / 60_000);
  const seconds = (durationMs % 60_000) / 1_000;
  const parts = [
    hours > 0 ? `${hours}H` : '',
    minutes > 0 ? `${minutes}M` : '',
    seconds > 0 ? `${seconds}S` : '',
  ].join('');
  return parts === '' ? 'PT0S' : `PT${parts}`;
}

function textScalar<TInternal>(
  config: TextScalar<TInternal>,
): GraphQLScalarType<TInternal, string> {
  const parseValue = (value: unknown): TInternal => {
    if (typeof value !== 'string') throw wrongKind(config.name, value);
    return config.parse(value);
  };
  return new GraphQLScalarType<TInternal, string>({
    name: config.name,
    description: config.description,
    extensions: config.isPlain === true ? PLAIN_TEXT : {},
    serialize: config.serialize,
    parseValue,
    parseLiteral: (node) =>
      parseValue(
        node.kind === Kind.STRING ? node.value : 'value' in node ? Number(node.value) : null,
      ),
  });
}

function wrongKind(name: string, value: unknown): UserInputError {
  return new UserInputError(`${name} is written as a string, not as ${shown(value)}.`);
}

// Nested values are not printed: their depth is not bounded.
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

function unserialisable(value: unknown): never {
  throw new TypeError(`unexpected value of type ${typeof value}`);
}
