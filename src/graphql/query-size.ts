// How large an operation is: what it nests, repeats and costs, with every fragment spread written out. A document is judged
// before it is validated, so anything may stand in it: names that do not exist, fragments that spread themselves. Fragments
// are measured once and sums stop at a ceiling, so a document that would write out to billions of fields is measured in
// the time that reading it takes.

import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  getNullableType,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  isListType,
  isObjectType,
  isInterfaceType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { costDeclaredBy } from './field-extensions.ts';

/** What an operation comes to with its fragments written out. */
export interface QuerySize {
  /** Fields within fields; those of introspection do not count. */
  readonly depth: number;
  /** Fields within fields of `__schema` and `__type`, these included. */
  readonly introspectionDepth: number;
  /** Fields and fragments; below an interface they count once for each type that it can be, as each is compiled by itself. */
  readonly selections: number;
  readonly aliases: number;
  readonly directives: number;
  readonly rootFields: number;
  /** In points; see the formula in docs/limits.md. */
  readonly cost: number;
}

/** Sums stop here. Its product with the most rows a page may have is exact in a double. */
export const SIZE_CEILING = 1e9;
/** An operation costs at least a point for so many selections, as compiling a new text takes time whatever it reads. */
export const SELECTIONS_PER_POINT = 12;
/** Items that are counted of a list whose field says none. */
export const ITEMS_DEFAULT = 10;

/** An operation of a document. */
export interface MeasuredOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

/** What a selection set comes to. */
interface Sizes {
  readonly depth: number;
  readonly introspectionDepth: number;
  /** For all types together that the parent can be. */
  readonly selections: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fields: number;
  readonly cost: number;
  /** Of a connection's selection: what each row costs. */
  readonly costPerRow: number;
}

const NOTHING: Sizes = {
  depth: 0,
  introspectionDepth: 0,
  selections: 0,
  aliases: 0,
  directives: 0,
  fields: 0,
  cost: 0,
  costPerRow: 0,
};

/**
 * What an operation of a document comes to.
 * @param variables as they were sent
 * @param onVariable is called with the name of each variable that was looked at: with the same values of these, it comes to the same
 */
export function measureOperation(
  of: MeasuredOperation,
  variables: Readonly<Record<string, unknown>>,
  onVariable: (name: string) => void = () => undefined,
): QuerySize {
  const { schema, operation } = of;
  const root = schema.getRootType(operation.operation) ?? undefined;
  const measure = new Measure(of, variables, onVariable);
  const sizes = measure.selections(operation.selectionSet, root);
  const ofVariables = (operation.variableDefinitions ?? []).reduce(
    (sum, { directives = [] }) => sum + directives.length,
    operation.directives?.length ?? 0,
  );
  return {
    depth: sizes.depth,
    introspectionDepth: sizes.introspectionDepth,
    selections: sizes.selections,
    aliases: sizes.aliases,
    directives: sum(sizes.directives, ofVariables),
    rootFields: sizes.fields,
    cost: Math.max(sizes.cost, Math.ceil(sizes.selections / SELECTIONS_PER_POINT)),
  };
}

class Measure {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly measured = new Map<string, Sizes>();
  /** As they were sent, and the operation's defaults of those that were not. */
  private readonly variables: Record<string, unknown>;
  private readonly schema: GraphQLSchema;

  constructor(
    { schema, document, operation }: MeasuredOperation,
    variables: Readonly<Record<string, unknown>>,
    private readonly onVariable: (name: string) => void,
  ) {
    this.schema = schema;
    this.variables = Object.assign(nothing(), variables);
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
      this.fragments.set(definition.name.value, definition);
    }
    for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
      const name = variable.name.value;
      // A null that was sent is no reason for the default: it is what the field gets.
      if (defaultValue === undefined || Object.hasOwn(this.variables, name)) continue;
      this.variables[name] = valueFromASTUntyped(defaultValue);
    }
  }

  selections({ selections }: SelectionSetNode, parent: GraphQLNamedType | undefined): Sizes {
    let sizes = NOTHING;
    for (const selection of selections) {
      const directives = selection.directives?.length ?? 0;
      sizes = plus(sizes, { ...NOTHING, directives, selections: this.typesOf(parent) });
      if (selection.kind === Kind.FIELD) {
        sizes = plus(sizes, this.field(selection, parent));
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        sizes = plus(sizes, this.fragment(selection.name.value, parent));
      } else {
        const inner = this.narrowed(parent, selection.typeCondition?.name.value);
        sizes = plus(sizes, this.selections(selection.selectionSet, inner));
      }
    }
    return sizes;
  }

  private fragment(name: string, parent: GraphQLNamedType | undefined): Sizes {
    const fragment = this.fragments.get(name);
    if (fragment === undefined) return NOTHING;
    const type = this.narrowed(parent, fragment.typeCondition.name.value);
    const key = `${name} ${type?.name ?? ''}`;
    const known = this.measured.get(key);
    if (known !== undefined) return known;
    // A fragment that spreads itself counts once; validation refuses it.
    this.measured.set(key, NOTHING);
    const own = { ...NOTHING, directives: fragment.directives?.length ?? 0 };
    const sizes = plus(own, this.selections(fragment.selectionSet, type));
    this.measured.set(key, sizes);
    return sizes;
  }

  /** What a fragment on a type selects from: its parent, where that can be less. */
  private narrowed(
    parent: GraphQLNamedType | undefined,
    condition: string | undefined,
  ): GraphQLNamedType | undefined {
    const type = condition === undefined ? parent : this.schema.getType(condition);
    const isLess =
      isAbstractType(type) && isImplementation(parent) && this.schema.isSubType(type, parent);
    return isLess ? parent : type;
  }

  /** How many types a value can be of. */
  private typesOf(type: GraphQLNamedType | undefined): number {
    return isAbstractType(type) ? Math.max(1, this.schema.getPossibleTypes(type).length) : 1;
  }

  private field(node: FieldNode, parent: GraphQLNamedType | undefined): Sizes {
    const name = node.name.value;
    const field = fieldOf(parent, name);
    const type = field === undefined ? this.introspected(name) : getNamedType(field.type);
    const below =
      node.selectionSet === undefined ? NOTHING : this.selections(node.selectionSet, type);
    const isIntrospection = name.startsWith('__');
    const cost = this.costOf(node, field, below);
    // The rows of a connection count once for each of its page, which only the connection's own field knows.
    const isRow = parent?.name.endsWith('Connection') === true && isRowField(name);
    return {
      depth: isIntrospection ? 0 : 1 + below.depth,
      introspectionDepth: isIntrospection ? 1 + below.depth : below.introspectionDepth,
      selections: times(this.typesOf(parent), below.selections),
      aliases: sum(below.aliases, node.alias === undefined ? 0 : 1),
      directives: below.directives,
      fields: 1,
      cost: isRow ? 0 : cost,
      costPerRow: isRow ? cost : 0,
    };
  }

  private costOf(
    node: FieldNode,
    field: GraphQLField<unknown, unknown> | undefined,
    below: Sizes,
  ): number {
    // What is of no type, such as __typename, costs as any field that says nothing of its cost.
    if (field === undefined) return sum(node.selectionSet === undefined ? 0 : 1, below.cost);
    const declared = costDeclaredBy(field);
    const valueOf = (name: string): unknown => this.argument(node, field, name);
    const own = declared.weight + (declared.ofArguments?.(valueOf) ?? 0);
    const items = declared.items ?? ITEMS_DEFAULT;
    const isList = isListType(getNullableType(field.type)) && !isRowField(field.name);
    const rows = countOf(valueOf('last') ?? valueOf('first') ?? items);
    const ofRows = times(rows, below.costPerRow);
    return sum(own, sum(times(isList ? items : 1, below.cost), ofRows));
  }

  // What the caller wrote, else what the field says.
  private argument(node: FieldNode, field: GraphQLField<unknown, unknown>, name: string): unknown {
    const written = node.arguments?.find((argument) => argument.name.value === name)?.value;
    const value = written === undefined ? undefined : this.valueOf(written);
    return value ?? field.args.find((argument) => argument.name === name)?.defaultValue;
  }

  private valueOf(written: ValueNode): unknown {
    visit(written, {
      Variable: ({ name }) => {
        this.onVariable(name.value);
      },
    });
    return valueFromASTUntyped(written, this.variables);
  }

  private introspected(name: string): GraphQLNamedType | undefined {
    if (name === '__schema') return this.schema.getType('__Schema');
    return name === '__type' ? this.schema.getType('__Type') : undefined;
  }
}

/** An object without the names that every other has, such as `constructor`: a variable may be named so. */
function nothing(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function fieldOf(
  parent: GraphQLNamedType | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return isImplementation(parent) ? parent.getFields()[name] : undefined;
}

function isImplementation(
  type: GraphQLNamedType | undefined,
): type is GraphQLObjectType | GraphQLInterfaceType {
  return isObjectType(type) || isInterfaceType(type);
}

/** How many a value asks for; what cannot be is left to the executor to refuse. */
function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

/** Whether a field is the rows of a page. */
export function isRowField(name: string): boolean {
  return name === 'nodes' || name === 'edges';
}

function plus(a: Sizes, b: Sizes): Sizes {
  return {
    depth: Math.max(a.depth, b.depth),
    introspectionDepth: Math.max(a.introspectionDepth, b.introspectionDepth),
    selections: sum(a.selections, b.selections),
    aliases: sum(a.aliases, b.aliases),
    directives: sum(a.directives, b.directives),
    fields: sum(a.fields, b.fields),
    cost: sum(a.cost, b.cost),
    costPerRow: sum(a.costPerRow, b.costPerRow),
  };
}

function sum(a: number, b: number): number {
  return Math.min(a + b, SIZE_CEILING);
}

function times(a: number, b: number): number {
  return Math.min(a * b, SIZE_CEILING);
}
