// What each field costs, put before its description, so that lists of fields show it: GraphQL's introspection has no place for it.

/** Adds the costs that the gateway tells to the answer of an introspection. Without them it stays as it is. */
export async function addCosts(
  introspection: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const response = await fetch('/graphiql/costs', { headers });
  if (!response.ok) return;
  const costs: unknown = await response.json();
  for (const type of listAt(introspection, 'data', '__schema', 'types')) {
    for (const field of listAt(type, 'fields')) {
      const cost = valueAt(costs, `${textAt(type, 'name')}.${textAt(field, 'name')}`);
      if (typeof cost !== 'string' || typeof field !== 'object' || field === null) continue;
      const description = `_Cost: ${cost}._ ${textAt(field, 'description')}`;
      Object.assign(field, { description: description.trim() });
    }
  }
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const list = valueAt(value, ...path);
  return Array.isArray(list) ? list : [];
}

function textAt(value: unknown, name: string): string {
  const text = valueAt(value, name);
  return typeof text === 'string' ? text : '';
}
