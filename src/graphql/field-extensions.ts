// What a field says of itself, in its extensions: what it costs, which scope it needs, whether its answers are shared, whether it
// has them at once, and whether they are plain text. Most are declared by a decorator; each is read here alone.

import { getNamedType, type GraphQLField, type GraphQLLeafType, isCompositeType } from 'graphql';
import { Extensions } from 'type-graphql';
import { scopes, type Scope } from '../core/identity.ts';

type Field = Pick<GraphQLField<unknown, unknown>, 'extensions'>;
type ValueOf = (name: string) => unknown;

/** What a field costs. */
interface FieldCost {
  /** Points for the field itself, whatever is selected below. */
  readonly weight: number;
  /** How many items of a list, or rows of a page, count where the arguments `first` and `last` do not say. */
  readonly items?: number;
  /** Points that the arguments add. */
  readonly ofArguments?: (valueOf: ValueOf) => number;
}

/** What the field below it costs, in points; docs/limits.md has the table. */
export function Cost(
  weight: number,
  more: Omit<FieldCost, 'weight'> = {},
): MethodDecorator & PropertyDecorator {
  return Extensions({ cost: { weight, ...more } satisfies FieldCost });
}

/** What a field costs; one that declares nothing costs 1 where something is selected below it. */
export function costDeclaredBy(field: GraphQLField<unknown, unknown>): FieldCost {
  const declared = field.extensions['cost'];
  if (isFieldCost(declared)) return declared;
  return { weight: isCompositeType(getNamedType(field.type)) ? 1 : 0 };
}

function isFieldCost(value: unknown): value is FieldCost {
  return typeof value === 'object' && value !== null && 'weight' in value;
}

const POINTS_OF_GRANULARITY: Readonly<Record<string, number>> = {
  AUTO: 50,
  HOUR: 200,
  DAY: 100,
  WEEK: 50,
  MONTH: 30,
};

/** Of a trend: the finer its buckets, the more they may be. */
export function costOfBuckets(valueOf: ValueOf): number {
  const granularity = valueOf('granularity');
  return typeof granularity === 'string' ? (POINTS_OF_GRANULARITY[granularity] ?? 0) : 0;
}

/**
 * The scope that the field below it asks for, wherever it is reached from: src/schema.ts sees to that. Root fields declare
 * none; their services ask, since what they need may depend on what they find.
 */
export function Needs(scope: Scope): MethodDecorator & PropertyDecorator {
  return Extensions({ needs: scope });
}

/** The scope that a field declares, or undefined. */
export function scopeNeededBy({ extensions }: Field): Scope | undefined {
  const { needs } = extensions;
  return Object.values(scopes).find((scope) => scope === needs);
}

/**
 * What the subscription below it resolves to depends on nothing but the event. So answers are shared where what is selected of it
 * only reads properties.
 */
export function SharedAnswers(): MethodDecorator & PropertyDecorator {
  return Extensions({ sharedAnswers: true });
}

/** Whether a subscription's field says that it resolves to what depends on the event alone. */
export function sharesAnswers({ extensions }: Field): boolean {
  return extensions['sharedAnswers'] === true;
}

/** What a field says whose resolver mostly answers without waiting, and looks at nothing but the object and the context. */
export const AT_ONCE = { atOnce: true } as const;

/** Whether a field with a resolver says that. */
export function answersAtOnce({ extensions }: Field): boolean {
  return extensions['atOnce'] === true;
}

/** What a field, or a scalar of all its fields, says whose texts are printable ASCII without quotes and backslashes. */
export const PLAIN_TEXT = { plainText: true } as const;

/** Declares that of the field below it. */
export function PlainText(): MethodDecorator & PropertyDecorator {
  return Extensions(PLAIN_TEXT);
}

/** Whether JSON writes the texts of a field or a scalar as they are. */
export function isPlainText({ extensions }: Pick<Field | GraphQLLeafType, 'extensions'>): boolean {
  return extensions['plainText'] === true;
}
