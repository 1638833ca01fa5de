// Statements that are sent together and answered together, in one round trip. The server runs them in their order and, once
// one has failed, none of the others: what follows a BEGIN that failed is not run outside of its transaction.

import type pg from 'pg';
import utils from 'pg/lib/utils.js';
import type { Row } from './decode.ts';
import type { PreparedStatement, PreparedStatements, RowReader } from './prepared.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What a statement did. */
export interface StatementResult {
  readonly rows: readonly Row[];
  /** "INSERT", "COMMIT": what the server says that it did. */
  readonly command: string;
}

/** What a group did. */
export interface GroupResult {
  /** Of the statements that were run, in their order. */
  readonly results: readonly StatementResult[];
  /** Why the next one failed, so that the others were not run; null: all were run. */
  readonly error: Error | null;
}

interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** How a connection reads values of a type. */
export type ParserOf = (typeId: number) => (text: string) => unknown;

/** A group as pg's client sends it: the client calls `submit`, and then what its methods are named after. */
export class StatementGroup {
  /** Fulfilled when the group is answered, or the connection has ended. */
  readonly result: Promise<GroupResult>;
  private settle: (result: GroupResult) => void = () => undefined;
  private readonly values: readonly (readonly (Buffer | string | null)[])[];
  private readonly results: StatementResult[] = [];
  private readonly kept: (PreparedStatement | undefined)[] = [];
  /** The texts that the server is told to prepare. */
  private readonly added: string[] = [];
  private rows: Row[] = [];
  private reader: RowReader | null = null;
  private unreadable: Error | null = null;

  /** @param onProgress called when one of the statements was run */
  constructor(
    private readonly statements: readonly Statement[],
    private readonly prepared: PreparedStatements,
    private readonly parserOf: ParserOf,
    private readonly onProgress: () => void,
  ) {
    // A value that cannot be sent throws here, before anything is sent.
    this.values = statements.map(({ values }) => values.map(utils.prepareValue));
    this.result = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    // All messages leave in one write.
    stream.cork();
    try {
      for (const name of this.prepared.takeForgotten()) {
        connection.close({ type: 'S', name }, true);
      }
      this.statements.forEach(({ text }, index) => {
        this.send(connection, text, this.values[index] ?? []);
      });
      connection.sync();
    } finally {
      stream.uncork();
    }
    this.expectNext();
  }

  private send(
    connection: pg.Connection,
    text: string,
    values: readonly (Buffer | string | null)[],
  ): void {
    let kept = this.prepared.find(text);
    if (kept === undefined) {
      kept = this.prepared.add(text);
      if (kept !== undefined) this.added.push(text);
      connection.parse({ name: kept?.name ?? '', text, types: [] }, true);
    }
    connection.bind({ statement: kept?.name ?? '', values: [...values] }, true);
    if (kept?.reader === undefined) connection.describe({ type: 'P', name: '' }, true);
    connection.execute({}, true);
    this.kept.push(kept);
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.reader = rowReader(fields, this.parserOf);
    const kept = this.kept[this.results.length];
    if (kept !== undefined) kept.reader = this.reader;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.reader === null || this.unreadable !== null) return;
    try {
      this.rows.push(this.reader(fields));
    } catch (error) {
      // A parser of a type threw. The rest of the answer has to be read all the same.
      this.unreadable = new Error('A value of an answer cannot be read.', { cause: error });
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.onProgress();
    if (this.unreadable !== null) return;
    const kept = this.kept[this.results.length];
    if (kept !== undefined) kept.reader ??= null;
    this.results.push({ rows: this.rows, command: text.split(' ', 1)[0] ?? '' });
    this.rows = [];
    this.expectNext();
  }

  handleReadyForQuery(): void {
    this.settle({ results: this.results, error: this.unreadable });
  }

  handleError(error: Error): void {
    // Nobody knows which of them the server kept.
    for (const text of this.added) this.prepared.forget(text);
    this.settle({ results: this.results, error });
  }

  /** pg's client tells of an empty text; none is. */
  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  /** All rows are asked for at once, so no answer is suspended. */
  handlePortalSuspended(): void {
    this.unreadable = new Error('a suspended portal');
  }

  handleCopyInResponse(connection: pg.Connection): void {
    this.unreadable = new Error('COPY is not sent by statements');
    connection.sync();
  }

  private expectNext(): void {
    this.reader = this.kept[this.results.length]?.reader ?? null;
  }
}

function rowReader(fields: readonly Field[], parserOf: ParserOf): RowReader {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, parse: parserOf(dataTypeID) }));
  return (values) => {
    const row: Record<string, unknown> = {};
    columns.forEach(({ name, parse }, index) => {
      const value = values[index] ?? null;
      row[name] = value === null ? null : parse(value);
    });
    return row;
  };
}
