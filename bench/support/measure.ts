// Medians of interleaved rounds: what is compared is measured in turns, so a slower minute of the machine hits both sides.

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const beginMs = performance.now();
  await work();
  return performance.now() - beginMs;
}

/** The middle of some values; between the two middle ones of an even count. */
export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = (ascending.length - 1) / 2;
  const low = ascending[Math.floor(middle)] ?? Number.NaN;
  const high = ascending[Math.ceil(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** The value that a share of some values is at or below; 1 gives the greatest. */
export function quantile(values: readonly number[], share: number): number {
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.ceil(ascending.length * share) - 1] ?? Number.NaN;
}

/** One thing to measure: it gives a number each time it is called. */
export interface Contender {
  readonly name: string;
  readonly measure: () => Promise<number>;
  /** Measured in the first rounds only, where one round takes long. */
  readonly roundsMax?: number;
}

/** Measures all contenders in turns. @returns the median of each, by name */
export async function inTurns(
  contenders: readonly Contender[],
  rounds: number,
): Promise<ReadonlyMap<string, number>> {
  const taken = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, measure, roundsMax = rounds } of contenders) {
      if (round < roundsMax) taken.get(name)?.push(await measure());
    }
  }
  return new Map([...taken].map(([name, values]) => [name, median(values)]));
}

/** Prints rows under a heading, the first column to the left and the others to the right. */
export function printTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const cells = [columns, ...rows.map((row) => row.map(shown))];
  const widths = columns.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join(' | '),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('-|-');
  const [head = '', ...body] = lines;
  process.stdout.write(`\n${title}\n\n| ${[head, rule, ...body].join(' |\n| ')} |\n`);
}

function shown(value: string | number): string {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '-';
  return value >= 1_000
    ? Math.round(value).toLocaleString('en')
    : value.toFixed(value < 10 ? 2 : 1);
}

/** A line on what is being done, apart from the results. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
