import { Field, ID, InterfaceType } from 'type-graphql';

/** The interface of all types that `node(id)` finds. */
@InterfaceType('Node')
export abstract class NodeType {
  @Field(() => ID)
  readonly id!: string;
}
