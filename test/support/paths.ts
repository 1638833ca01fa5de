// Looks into answers whose shape a test does not spell out.

/** The value under a path of an answer; null where the path leads nowhere. */
export function at(answer: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? new Map(Object.entries(value)).get(String(key))
        : null,
    answer,
  );
}

export function textAt(answer: unknown, ...path: (string | number)[]): string {
  const value = at(answer, ...path);
  if (typeof value === 'string') return value;
  throw new Error(`no text under ${path.join('.')}: ${JSON.stringify(answer)}`);
}
