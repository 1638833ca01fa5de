// How resolvers are called. type-graphql makes each that has arguments wait, as it might validate these, and looks up at each call
// how they are converted. Nothing is validated here and nothing stands between, so a resolver is called at once with what
// type-graphql would give it. A method that has more than that (middleware, roles, other parameters) is left to it.

import { type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import { present } from '../core/errors.ts';

type Storage = ReturnType<typeof getMetadataStorage>;
/** A resolver's method, as type-graphql knows it. */
type Method = Storage['fieldResolvers'][number] | Storage['queries'][number];
type Parameter = Storage['params'][number];
type InputClass = Storage['inputTypes'][number];
type Values = Readonly<Record<string, unknown>>;
type Resolve = GraphQLFieldResolver<unknown, unknown, Values>;
type Convert = (value: unknown) => unknown;
/** The resolver of a class; undefined: there is none. */
type InstanceOf = (resolverClass: unknown) => object | undefined;

/** Lets the fields of a schema that type-graphql built call the methods of their resolvers. */
export function callResolversDirectly(schema: GraphQLSchema, instanceOf: InstanceOf): void {
  const storage = getMetadataStorage();
  const inputs = new Inputs(storage);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!(type instanceof GraphQLObjectType)) continue;
    const methods = methodsOf(storage, schema, type);
    for (const field of Object.values(type.getFields())) {
      const [method, ...others] = methods.filter(
        ({ schemaName, target }) => schemaName === field.name && instanceOf(target) !== undefined,
      );
      if (field.resolve === undefined || method === undefined || others.length > 0) continue;
      const instance = instanceOf(method.target);
      field.resolve = (instance && directly(method, instance, inputs)) ?? field.resolve;
    }
  }
}

/** The methods that resolve fields of a type, declared of it or of what it implements. */
function methodsOf(
  storage: Storage,
  schema: GraphQLSchema,
  type: GraphQLObjectType,
): readonly Method[] {
  if (type === schema.getQueryType()) return storage.queries;
  if (type === schema.getMutationType()) return storage.mutations;
  const declared = storage.objectTypes.find(({ name }) => name === type.name);
  if (declared === undefined) return [];
  const classes = [declared.target, ...(declared.interfaceClasses ?? [])].flatMap(withBases);
  return storage.fieldResolvers.filter(
    ({ kind, getObjectType }) => kind === 'external' && classes.includes(getObjectType?.()),
  );
}

function withBases(of: unknown): readonly unknown[] {
  return typeof of === 'function' ? [of, ...withBases(Object.getPrototypeOf(of))] : [];
}

/** Calls a method as type-graphql would; null: it would do more. */
function directly(method: Method, instance: object, inputs: Inputs): Resolve | null {
  const { methodName, params = [], middlewares = [], roles } = method;
  const call: unknown = Reflect.get(instance, methodName);
  if (typeof call !== 'function' || middlewares.length > 0 || roles !== undefined) return null;
  const given: Resolve[] = [];
  for (const parameter of params) {
    const give = giverOf(parameter, inputs);
    if (give === null) return null;
    given[parameter.index] = give;
  }
  return (root, args, context, info): unknown => {
    const values = given.map((give): unknown => give(root, args, context, info));
    return Reflect.apply(call, instance, values) as unknown;
  };
}

/** What gives a parameter its value; null: type-graphql does. */
function giverOf(parameter: Parameter, inputs: Inputs): Resolve | null {
  if (parameter.kind === 'arg' || parameter.kind === 'args') return argumentOf(parameter, inputs);
  if (parameter.kind === 'info') return (_root, _args, _context, info) => info;
  if ('propertyName' in parameter && parameter.propertyName !== undefined) return null;
  if (parameter.kind === 'context') return (_root, _args, context) => context;
  return parameter.kind === 'root' && parameter.getType === undefined ? (root) => root : null;
}

function argumentOf(
  parameter: Extract<Parameter, { readonly kind: 'arg' | 'args' }>,
  inputs: Inputs,
): Resolve | null {
  if (parameter.validateFn !== undefined || parameter.validateSettings !== undefined) return null;
  if (parameter.kind === 'args') {
    const make = inputs.makerOfArguments(parameter.getType());
    return (_root, args) => make(args);
  }
  const { name } = parameter;
  const convert = inputs.converterOf(parameter.getType());
  return (_root, args) => convert(args[name]);
}

/** Makes instances of input and argument classes from what the executor gives. */
class Inputs {
  private readonly converters = new Map<unknown, Convert>();

  constructor(private readonly storage: Storage) {}

  /** @param target what the declaration names: an input class, or a scalar or enum, whose values stay as they are */
  converterOf(target: unknown): Convert {
    const input = this.storage.inputTypes.find((one) => one.target === target);
    if (input === undefined) return (value) => value;
    const known = this.converters.get(target);
    if (known !== undefined) return known;
    const convert: Convert = (value) => {
      if (value == null) return value;
      return Array.isArray(value) ? value.map(convert) : make(value as Values);
    };
    // Set first: an input may hold others of its kind.
    this.converters.set(target, convert);
    const make = this.makerOf(input, this.storage.inputTypes);
    return convert;
  }

  makerOfArguments(target: unknown): (args: Values) => object {
    const { argumentTypes } = this.storage;
    const declared = argumentTypes.find((one) => one.target === target);
    return this.makerOf(present(declared, 'arguments have a class'), argumentTypes);
  }

  /** Makes an instance of a class: of the fields of it and its bases, those that are there. */
  private makerOf({ target }: InputClass, all: readonly InputClass[]): (values: Values) => object {
    const bases = withBases(target).flatMap((base) => all.filter((one) => one.target === base));
    const fields = bases.flatMap(({ fields: own = [] }) => own);
    const converters = fields.map(
      ({ name, getType }) => [name, this.converterOf(getType())] as const,
    );
    const Instance = target as new () => Record<string, unknown>;
    return (values) => {
      const instance = new Instance();
      for (const [name, convert] of converters) {
        const value = values[name];
        if (value !== undefined) instance[name] = convert(value);
      }
      return instance;
    };
  }
}
