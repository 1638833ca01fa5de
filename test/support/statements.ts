import type { Database } from '../../src/db/database.ts';

/** The names of the statements that an answer takes, sorted. */
export async function statementsOf(
  database: Database,
  ask: () => Promise<unknown>,
): Promise<readonly string[]> {
  const names: string[] = [];
  const stop = database.onStatement((sql) => {
    const name = /\/\* (\S+) \*\//.exec(sql)?.[1] ?? sql;
    // A key is looked up once every few seconds, whatever is asked.
    if (!name.startsWith('access.')) names.push(name);
  });
  try {
    await ask();
  } finally {
    stop();
  }
  return names.sort();
}
