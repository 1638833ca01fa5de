/** An operation of the gateway as a text, with the types of its answer and its variables. */
export interface Operation<TData, TVariables> {
  readonly name: string;
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly text: string;
  /** For the types alone; never set. */
  readonly types?: (variables: TVariables) => TData;
}
