import { Field, ID, InterfaceType } from 'type-graphql';
import { PlainText } from './field-extensions.ts';

/** The interface of all types that `node(id)` finds. */
@InterfaceType('Node')
export abstract class NodeType {
  // By encodeId.
  @PlainText()
  @Field(() => ID)
  readonly id!: string;
}
