/** The SQLSTATE of a database error ("23505"); null for any other error. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  const state = driverError?.code ?? code;
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : null;
}

/** The name of the constraint that a statement violated, or of its shard's where tables are distributed; null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { constraint, message, cause } = error as Readonly<Record<string, unknown>>;
  if (typeof constraint === 'string') return constraint;
  // Citus passes on what a server said, but not this field of it.
  const named =
    sqlState(error)?.startsWith('23') === true && /constraint "([^"]+)"/.exec(String(message));
  return named ? (named[1] ?? null) : violatedConstraint(cause);
}
