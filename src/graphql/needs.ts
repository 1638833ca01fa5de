import type { GraphQLField } from 'graphql';
import { Extensions } from 'type-graphql';
import { scopes, type Scope } from '../core/identity.ts';

/**
 * The scope that the field below it asks for, wherever it is reached from: src/schema.ts sees to that. Root fields declare
 * none; their services ask, since what they need may depend on what they find.
 */
export function Needs(scope: Scope): MethodDecorator & PropertyDecorator {
  return Extensions({ needs: scope });
}

/** The scope that a field declares, or undefined. */
export function scopeNeededBy(field: GraphQLField<unknown, unknown>): Scope | undefined {
  const needs = field.extensions['needs'];
  return Object.values(scopes).find((scope) => scope === needs);
}
