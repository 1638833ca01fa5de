// What a document's operations cost, remembered by the variables that say so. To judge a document walks all of it, and most are
// asked again with the same number of rows.

type Variables = Readonly<Record<string, unknown>>;

/** So that no document keeps more than a few kB: how many values of variables, and how long they may be, together and each. */
const KEPT_MAX = 20;
const KEY_LENGTH_MAX = 200;
const TEXT_LENGTH_MAX = 50;

/** The costs of one document. */
export class Judgements {
  private readonly costs = new Map<string, number>();
  /** All variables that any judgement in `costs` looked at. */
  private readonly looked = new Set<string>();

  /**
   * The cost of an operation.
   * @param operationName null: the only one of the document
   * @param judge finds it, and names each variable that it looks at; what it throws is not remembered
   */
  of(
    operationName: string | null,
    variables: Variables,
    judge: (onVariable: (name: string) => unknown) => number,
  ): number {
    const key = this.keyOf(operationName, variables);
    const known = key === null ? undefined : this.costs.get(key);
    if (known !== undefined) return known;
    const before = this.looked.size;
    const cost = judge((name) => this.looked.add(name));
    const isKeyed = this.looked.size === before;
    // Keys so far do not name what was looked at now for the first time.
    if (!isKeyed || this.costs.size === KEPT_MAX) this.costs.clear();
    const own = isKeyed ? key : this.keyOf(operationName, variables);
    if (own !== null) this.costs.set(own, cost);
    return cost;
  }

  /** Equal for what costs the same; null: nothing is remembered of such values. */
  private keyOf(operationName: string | null, variables: Variables): string | null {
    if (!isKeyable(operationName)) return null;
    let key = JSON.stringify(operationName);
    for (const name of this.looked) {
      // One that was left out has its default, and one that is null has none.
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (!isKeyable(value)) return null;
      key += `,${JSON.stringify(value)}`;
    }
    return key.length > KEY_LENGTH_MAX ? null : key;
  }
}

// JSON prints infinity, which a body can hold, as null.
function isKeyable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return value.length <= TEXT_LENGTH_MAX;
  return value == null || typeof value === 'boolean';
}
