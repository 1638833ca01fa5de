/** An operation of the gateway as a text, with the types of its answer and its variables. */
export interface Operation<TData, TVariables, TKind extends OperationKind = OperationKind> {
  readonly name: string;
  readonly kind: TKind;
  readonly text: string;
  /** Of a mutation: sent twice it does no more than once. */
  readonly isRepeatable?: true;
  /** For the types alone; never set. */
  readonly types?: (variables: TVariables) => TData;
}

export type OperationKind = 'query' | 'mutation' | 'subscription';
