// Relay connections. A cursor holds its row's sort value and id, so the next page begins at the right place while rows are
// added and removed. A null argument counts as left out.

import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { parseWithin } from '../core/check.ts';
import {
  type CursorKey,
  decodeCursor,
  decodeViewCursor,
  encodeCursor,
  ROWS_PER_PAGE_MAX,
  type ViewCursor,
  type ViewMark,
} from '../core/cursor.ts';
import { UserInputError, type ErrorPath } from '../core/errors.ts';
import { Cost } from './field-extensions.ts';

/** A checked request for rows after a cursor. */
export interface PageRequest {
  readonly first: number;
  readonly after: CursorKey | null;
}

/** What distinguishes a list from others. */
interface ListRules {
  /** The path of its arguments within the field that was asked for; default: they are that field's own arguments. */
  readonly path?: ErrorPath;
  /** Whether a cursor can belong to this list; default: its key is a row id alone. */
  readonly isKey?: (key: CursorKey) => boolean;
}

/** @throws UserInputError when `first` is out of bounds or `after` is no cursor of this list */
export function parsePage(
  args: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  defaultFirst: number,
  { path = [], isKey = ({ value }) => value === null }: ListRules = {},
): PageRequest {
  const limits = { min: 0, max: ROWS_PER_PAGE_MAX };
  const first = parseWithin(args.first ?? defaultFirst, limits, [...path, 'first']);
  if (args.after === null || args.after === undefined) return { first, after: null };
  const after = parseCursor(args.after, [...path, 'after']);
  if (isKey(after)) return { first, after };
  throw wrongCursor([...path, 'after']);
}

/** @throws UserInputError when it is no cursor of ours */
export function parseCursor(cursor: string, path: ErrorPath): CursorKey {
  const key = decodeCursor(cursor);
  if (key === null) throw wrongCursor(path);
  return key;
}

/** The arguments of a list that is read from both ends. */
export interface ListArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** A checked request for the first or the last rows between two cursors of a view's list. */
export interface ViewPageRequest {
  readonly from: 'FIRST' | 'LAST';
  readonly limit: number;
  readonly after: CursorKey | null;
  readonly before: CursorKey | null;
  /** What its cursors say of the list and the view; null on the first page. */
  readonly mark: ViewMark | null;
}

/**
 * @param path of the arguments within the field that was asked for
 * @throws UserInputError when both ends are asked for, a number is out of bounds, or a cursor is none of a view's list
 */
export function parseViewPage(
  args: ListArgs,
  defaultFirst: number,
  path: ErrorPath = [],
): ViewPageRequest {
  const count = parseEnd(args, path) ?? { from: 'FIRST' as const, limit: defaultFirst };
  const after = parseViewCursor(args.after, [...path, 'after']);
  const before = parseViewCursor(args.before, [...path, 'before']);
  if (after !== null && before !== null && !isSame(after.mark, before.mark)) {
    throw wrongCursor([...path, 'before']);
  }
  return { ...count, ...keysOf(after, before), mark: (after ?? before)?.mark ?? null };
}

function keysOf(
  after: ViewCursor | null,
  before: ViewCursor | null,
): Pick<ViewPageRequest, 'after' | 'before'> {
  return { after: after?.key ?? null, before: before?.key ?? null };
}

/**
 * From which end a list is read, and how many rows; null when neither `first` nor `last` is given.
 * @throws UserInputError for both, and for a number out of bounds
 */
export function parseEnd(
  { first, last }: Pick<ListArgs, 'first' | 'last'>,
  path: ErrorPath,
): Pick<ViewPageRequest, 'from' | 'limit'> | null {
  const limits = { min: 0, max: ROWS_PER_PAGE_MAX };
  if (first != null && last != null) {
    throw new UserInputError('Ask for the first rows or for the last ones, not for both.', {
      path: [...path, 'last'],
    });
  }
  if (first != null) {
    return { from: 'FIRST', limit: parseWithin(first, limits, [...path, 'first']) };
  }
  return last == null
    ? null
    : { from: 'LAST', limit: parseWithin(last, limits, [...path, 'last']) };
}

function isSame(a: ViewMark, b: ViewMark): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function parseViewCursor(cursor: string | null | undefined, path: ErrorPath): ViewCursor | null {
  if (cursor === null || cursor === undefined) return null;
  const parsed = decodeViewCursor(cursor);
  if (parsed === null) throw wrongCursor(path);
  return parsed;
}

/** The same error for a text that is no cursor and for a cursor of another list. */
export function wrongCursor(path: ErrorPath): UserInputError {
  return new UserInputError(
    `${path.at(-1) ?? 'after'} is not a cursor that this list gave for this order, filter and range: use a cursor of the page before, or begin again without it.`,
    { path },
  );
}

/** One page of a list, with parts that are computed only when asked for. */
export interface ConnectionParts<T> {
  readonly nodes: readonly T[];
  readonly keyOf: (node: T) => CursorKey;
  /** What binds the cursors to a view; default: nothing. */
  readonly mark?: ViewMark;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly countAll: () => number | Promise<number>;
}

export class Connection<T> {
  // graphql-jit reads a property as often as its code uses it, so the result is kept.
  private madeEdges: readonly { readonly cursor: string; readonly node: T }[] | undefined;
  private madePageInfo: PageInfo | undefined;

  constructor(private readonly parts: ConnectionParts<T>) {}

  get nodes(): readonly T[] {
    return this.parts.nodes;
  }

  get edges(): readonly { readonly cursor: string; readonly node: T }[] {
    this.madeEdges ??= this.parts.nodes.map((node) => ({
      cursor: cursorOf(this.parts, node),
      node,
    }));
    return this.madeEdges;
  }

  get pageInfo(): PageInfo {
    this.madePageInfo ??= new PageEnds(this.parts);
    return this.madePageInfo;
  }

  get totalCount(): number | Promise<number> {
    return this.parts.countAll();
  }
}

// A cursor takes longer to make than all else of a page's information, and most pages are not gone on from.
class PageEnds<T> implements PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  private start: string | null | undefined;
  private end: string | null | undefined;

  constructor(private readonly parts: ConnectionParts<T>) {
    this.hasNextPage = parts.hasNextPage;
    this.hasPreviousPage = parts.hasPreviousPage;
  }

  get startCursor(): string | null {
    return (this.start ??= this.cursorAt(0));
  }

  get endCursor(): string | null {
    return (this.end ??= this.cursorAt(-1));
  }

  private cursorAt(index: number): string | null {
    const node = this.parts.nodes.at(index);
    return node === undefined ? null : cursorOf(this.parts, node);
  }
}

function cursorOf<T>({ keyOf, mark }: ConnectionParts<T>, node: T): string {
  return encodeCursor(keyOf(node), mark);
}

/**
 * The page of a list that is already in memory, in its order.
 * @param compare the list's total order; it finds the rows beside a cursor even after the cursor's row has gone
 */
export function pageOfList<T>(
  rows: readonly T[],
  page: PageRequest | ViewPageRequest,
  order: {
    readonly keyOf: (row: T) => CursorKey;
    readonly compare: (a: CursorKey, b: CursorKey) => number;
  },
): ConnectionParts<T> {
  const { after, before, limit, from } =
    'limit' in page ? page : { ...page, limit: page.first, from: 'FIRST', before: null };
  // Rows are in their order: those that are in come before the others.
  const count = (isIn: (key: CursorKey) => boolean): number => {
    let low = 0;
    for (let high = rows.length; low < high;) {
      const middle = (low + high) >> 1;
      const row = rows[middle];
      if (row !== undefined && isIn(order.keyOf(row))) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const begin = after === null ? 0 : count((key) => order.compare(key, after) <= 0);
  const end = before === null ? rows.length : count((key) => order.compare(key, before) < 0);
  const start = from === 'FIRST' ? begin : Math.max(begin, end - limit);
  const nodes = rows.slice(start, Math.min(start + limit, end));
  return {
    nodes,
    keyOf: order.keyOf,
    hasNextPage: start + nodes.length < rows.length,
    hasPreviousPage: start > 0,
    countAll: () => rows.length,
  };
}

/**
 * The page of rows that a store read with `limit first + 1`: the extra row only shows whether there are more.
 */
export function pageOfRows<T>(
  rows: readonly T[],
  page: PageRequest,
  list: {
    readonly keyOf: (row: T) => CursorKey;
    readonly countAll: () => number | Promise<number>;
    /** That the list does not end with these rows. */
    readonly goesOn?: boolean;
  },
): Connection<T> {
  return new Connection({
    nodes: rows.slice(0, page.first),
    keyOf: list.keyOf,
    hasNextPage: rows.length > page.first || list.goesOn === true,
    hasPreviousPage: page.after !== null,
    countAll: list.countAll,
  });
}

@ObjectType('PageInfo', { simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean) readonly hasNextPage!: boolean;
  @Field(() => Boolean) readonly hasPreviousPage!: boolean;
  @Field(() => String, { nullable: true }) readonly startCursor!: string | null;
  @Field(() => String, { nullable: true }) readonly endCursor!: string | null;
}

@ArgsType()
export class After {
  @Field(() => String, { nullable: true }) readonly after?: string | null;
}

/** `first` and `after` of a list of up to 25 rows by default. */
@ArgsType()
export class Page25 extends After {
  @Field(() => Int, { nullable: true, defaultValue: 25 }) readonly first?: number | null;
}

/** The arguments of a list that is read from both ends; 25 rows by default. */
@ArgsType()
export class PageFromBothEnds extends After {
  @Field(() => Int, { nullable: true, description: 'Without `first` or `last`: the first 25.' })
  readonly first?: number | null;
  @Field(() => Int, { nullable: true }) readonly last?: number | null;
  @Field(() => String, { nullable: true }) readonly before?: string | null;
}

@ArgsType()
export class Page50 extends After {
  @Field(() => Int, { nullable: true, defaultValue: 50 }) readonly first?: number | null;
}

@ArgsType()
export class Page100 extends After {
  @Field(() => Int, { nullable: true, defaultValue: 100 }) readonly first?: number | null;
}

/** What a connection has besides its page, and its description. */
export interface ConnectionOptions {
  readonly description?: string;
  /** An abstract ObjectType whose fields the connection has too. */
  readonly base?: abstract new () => object;
  /** The same for its edges. */
  readonly edgeBase?: abstract new () => object;
}

@ObjectType()
class Bare {}

/** Declares `<name>Connection` and `<name>Edge` for a node type. */
export function connectionType<T extends object>(
  name: string,
  node: () => ClassType<T>,
  options: ConnectionOptions = {},
): ClassType<Connection<T>> {
  const { base = Bare, edgeBase = Bare, description } = options;
  @ObjectType(`${name}Edge`, { simpleResolvers: true })
  class Edge extends edgeBase {
    @Field(() => String) readonly cursor!: string;
    @Field(node) readonly node!: T;
  }
  @ObjectType(`${name}Connection`, {
    simpleResolvers: true,
    ...(description === undefined ? {} : { description }),
  })
  class ConnectionOf extends base {
    @Field(() => [Edge]) readonly edges!: Edge[];
    @Field(() => [node()]) readonly nodes!: T[];
    @Field(() => PageInfo) readonly pageInfo!: PageInfo;
    // Not simple: it may be a promise, so that rows are counted only on demand, and graphql-jit needs a resolver for promises.
    @Cost(5)
    @Field(() => Int, { simple: false })
    readonly totalCount!: number;
  }
  // Instances are built as Connection<T>, which has these properties; this class only declares them to the schema.
  return ConnectionOf as unknown as ClassType<Connection<T>>;
}
