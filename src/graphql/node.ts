import { Field, ID, InterfaceType } from 'type-graphql';

/** What `node(id)` finds: every type with an id of its own. */
@InterfaceType('Node')
export abstract class NodeType {
  @Field(() => ID)
  readonly id!: string;
}
