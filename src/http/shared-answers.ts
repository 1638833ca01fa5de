// Answers to events that depend on nothing but the event and the operation: thousands of subscribers of one account share one
// execution, and the text of its result.

import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { sharesAnswers } from '../graphql/field-extensions.ts';

/** The result of an event, and its JSON, which is made once for all to whom it is sent. */
export class Answer {
  private text: string | null = null;

  constructor(readonly result: ExecutionResult) {}

  get json(): string {
    return (this.text ??= JSON.stringify(this.result));
  }
}

/** What of a document decides whether its answers are shared. */
interface Sharing {
  /** Tells documents apart. */
  readonly number: number;
  readonly isShared: boolean;
  /** The variables that shape an answer. The arguments of a subscription's field chose the events, and play no further part. */
  readonly variables: readonly string[];
}

/** Each event is executed once for all who subscribed by the same operation. */
export class SharedAnswers {
  private readonly known = new WeakMap<object, Map<string, Promise<Answer> | Answer>>();
  private readonly sharings = new WeakMap<DocumentNode, Sharing>();
  private lastNumber = 0;

  /** What operations with the same answers have in common; null: its answers depend on the caller too. */
  nameOf({ schema, document, operationName, variableValues }: ExecutionArgs): string | null {
    const known = this.sharings.get(document);
    const sharing = known ?? sharingOf(schema, document, (this.lastNumber += 1));
    if (known === undefined) this.sharings.set(document, sharing);
    const { number, isShared, variables } = sharing;
    if (!isShared) return null;
    // An object leaves out what was left out, which an array would not tell from null.
    const values = Object.fromEntries(variables.map((name) => [name, variableValues?.[name]]));
    return JSON.stringify([number, operationName, values]);
  }

  /** The answer to an event; `execute` gives the first one. */
  of(event: unknown, name: string, execute: () => Promise<Answer>): Promise<Answer> | Answer {
    if (typeof event !== 'object' || event === null) return execute();
    const answers = this.known.get(event) ?? new Map<string, Promise<Answer> | Answer>();
    this.known.set(event, answers);
    const known = answers.get(name);
    if (known !== undefined) return known;
    const answer = execute().then((made) => {
      answers.set(name, made);
      return made;
    });
    answers.set(name, answer);
    return answer;
  }
}

// A field of a subscription says so itself. What is selected below it must only read properties: a resolver could ask
// for the caller.
function sharingOf(schema: GraphQLSchema, document: DocumentNode, number: number): Sharing {
  const info = new TypeInfo(schema);
  const root = schema.getSubscriptionType();
  const variables = new Set<string>();
  let isShared = document.definitions.every(
    (definition) =>
      definition.kind !== Kind.OPERATION_DEFINITION ||
      definition.operation === OperationTypeNode.SUBSCRIPTION,
  );
  visit(
    document,
    visitWithTypeInfo(info, {
      VariableDefinition: () => false,
      Argument: () =>
        info.getParentType() === root && info.getDirective() == null ? false : undefined,
      Variable: ({ name }) => {
        variables.add(name.value);
      },
      Field: ({ name }) => {
        const field = info.getFieldDef();
        if (name.value === '__typename' || field == null) return;
        const isRoot = info.getParentType() === root;
        isShared &&= isRoot ? sharesAnswers(field) : field.resolve === undefined;
      },
    }),
  );
  return { number, isShared, variables: [...variables] };
}
