// Which version of packages/client a change of the schema asks for, and what a deprecation has to say.

import { CriticalityLevel, diff } from '@graphql-inspector/core';
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
} from 'graphql';

/** What is deprecated stays for so long. */
const MONTHS_AHEAD = 6;

export interface Due {
  /** The least version that may be released. */
  readonly version: string;
  /** The changes that break callers, each a sentence. */
  readonly breaking: readonly string[];
}

/**
 * The version that is due after a release: the next major one when a change breaks callers, else the next minor one, and before
 * 1.0 the next minor and patch version. Unchanged schemas are due none: the released version itself.
 * @param released its version, three numbers
 */
export async function dueVersion(
  released: string,
  before: GraphQLSchema,
  after: GraphQLSchema,
): Promise<Due> {
  const changes = await diff(before, after);
  const breaking = changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ message }) => message);
  const [major = 0, minor = 0, patch = 0] = numbersOf(released);
  const isFirst = major === 0;
  if (changes.length === 0) return { version: released, breaking };
  if (breaking.length > 0) {
    return { version: isFirst ? `0.${minor + 1}.0` : `${major + 1}.0.0`, breaking };
  }
  return { version: isFirst ? `0.${minor}.${patch + 1}` : `${major}.${minor + 1}.0`, breaking };
}

/** Whether a version is another one or a later one. */
export function isAtLeast(version: string, other: string): boolean {
  const [ones, others] = [numbersOf(version), numbersOf(other)];
  const at = ones.findIndex((number, index) => number !== others[index]);
  return at === -1 || (ones[at] ?? 0) > (others[at] ?? 0);
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').map(Number);
}

/**
 * One sentence for each deprecation that is new and does not end in a date at least six months ahead.
 * @param today as 2026-03-10
 */
export function faultsOfDeprecations(
  before: GraphQLSchema,
  after: GraphQLSchema,
  today: string,
): readonly string[] {
  const known = deprecationsOf(before);
  const earliest = monthsLater(today, MONTHS_AHEAD);
  return [...deprecationsOf(after)].flatMap(([place, reason]) => {
    if (known.has(place)) return [];
    const date = /(\d{4}-\d{2}-\d{2})\.?$/.exec(reason)?.[1] ?? '';
    return date >= earliest
      ? []
      : [`${place} is deprecated with "${reason}"; it must end in a date from ${earliest} on.`];
  });
}

/** The reasons by what they are of: "Account.ledger", "AlertKind.RESOLVED". */
function deprecationsOf(schema: GraphQLSchema): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  for (const type of Object.values(schema.getTypeMap())) {
    for (const { name, deprecationReason } of partsOf(type)) {
      if (typeof deprecationReason === 'string') {
        reasons.set(`${type.name}.${name}`, deprecationReason);
      }
    }
  }
  return reasons;
}

interface Part {
  readonly name: string;
  readonly deprecationReason?: string | null | undefined;
}

function partsOf(type: GraphQLNamedType): readonly Part[] {
  if (isEnumType(type)) return type.getValues();
  return isObjectType(type) || isInputObjectType(type) ? Object.values<Part>(type.getFields()) : [];
}

function monthsLater(day: string, months: number): string {
  const [year = 0, month = 1] = day.split('-').map(Number);
  const total = year * 12 + (month - 1) + months;
  const [toYear, toMonth] = [Math.floor(total / 12), (total % 12) + 1];
  return `${toYear}-${String(toMonth).padStart(2, '0')}-${day.slice(8)}`;
}
