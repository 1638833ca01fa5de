// Answers to events that depend on nothing but the event and the operation: thousands of subscribers of one account's
// balance share one execution.

import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  Kind,
} from 'graphql';
import { sharesAnswers } from '../graphql/field-extensions.ts';

/** Each event is executed once for all who subscribed by the same operation and variables. */
export class SharedAnswers {
  private readonly known = new WeakMap<object, Map<string, Promise<ExecutionResult>>>();
  private readonly names = new WeakMap<DocumentNode, number>();
  private lastName = 0;

  /** The answer to an event; `execute` gives the first one. */
  of(
    event: unknown,
    { document, operationName, variableValues }: ExecutionArgs,
    execute: () => Promise<ExecutionResult>,
  ): Promise<ExecutionResult> {
    if (typeof event !== 'object' || event === null) return execute();
    const answers = this.known.get(event) ?? new Map<string, Promise<ExecutionResult>>();
    this.known.set(event, answers);
    const key = JSON.stringify([this.nameOf(document), operationName, variableValues]);
    const answer = answers.get(key) ?? execute();
    answers.set(key, answer);
    return answer;
  }

  private nameOf(document: DocumentNode): number {
    const name = this.names.get(document) ?? (this.lastName += 1);
    this.names.set(document, name);
    return name;
  }
}

/** Whether the field of a subscription says that its answers depend on the event and the operation alone. */
export function hasSharedAnswers({ schema, document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName);
  // A subscription has one root field, which may stand in a fragment; such a one is not shared.
  const [field] = operation?.selectionSet.selections ?? [];
  if (field?.kind !== Kind.FIELD) return false;
  const declared = schema.getSubscriptionType()?.getFields()[field.name.value];
  return declared !== undefined && sharesAnswers(declared);
}
