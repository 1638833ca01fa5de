type Nested = WeakMap<object, object>;

/**
 * A pure function of values that never change: what it gave is kept as long as all of its arguments are, and given again for the
 * same ones.
 */
export function memoized<A extends readonly [object, ...object[]], R extends object>(
  make: (...of: A) => R,
): (...of: A) => R {
  const root: Nested = new WeakMap();
  return (...of) => {
    let at = root;
    for (const argument of of.slice(0, -1)) {
      let below = at.get(argument) as Nested | undefined;
      if (below === undefined) at.set(argument, (below = new WeakMap()));
      at = below;
    }
    const last = of[of.length - 1] ?? root;
    const found = at.get(last) as R | undefined;
    if (found !== undefined) return found;
    const made = make(...of);
    at.set(last, made);
    return made;
  };
}
