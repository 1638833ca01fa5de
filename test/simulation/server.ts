// The server of the database, as the gateway knows it: tables of rows, transactions that are committed as a whole, locks on rows,
// snapshots, and notifications. What a statement does is written in the stores of the simulation; how long it takes, and
// whether its answer arrives, is decided by the network.

import type { GroupResult, StatementResult } from '../../src/db/statement-group.ts';
import { Sql } from '../../src/db/sql.ts';
import type { Tx } from '../../src/db/database.ts';
import { Process, timeline, type Wakeup } from './time.ts';
import type { Tables } from './tables.ts';

const LOCK_TIMEOUT_MS = 2_000;
const IDLE_TIMEOUT_MS = 8_000;

/** A statement, and what it does. */
class Statement extends Sql {
  constructor(
    name: string,
    readonly run: (view: View) => unknown,
  ) {
    super([`/* ${name} */`], []);
  }
}

/** A statement whose one row has the result as its value. */
export function statement(name: string, run: (view: View) => unknown): Sql {
  return new Statement(name, (view) => run(view));
}

/** Runs one in a transaction. @returns what it gives */
export async function ask<T>(
  tx: Tx,
  name: string,
  run: (view: View) => T | Promise<T>,
): Promise<T> {
  const [row = {}] = await tx.query(
    new Statement(name, async (view) => [{ value: await run(view) }]),
  );
  return row['value'] as T;
}

/** Runs one with the next, or with the commit. */
export function later(tx: Tx, name: string, run: (view: View) => void): void {
  tx.later(
    new Statement(name, (view) => {
      run(view);
      return [];
    }),
  );
}

/** An error as the server tells it. */
export class ServerError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly constraint?: string,
  ) {
    super(message);
  }
}

type TableName = keyof Tables;
type Key = number | string;

/** A row, and when it was first and last committed: the number of the commit. */
interface Stored {
  row: unknown;
  readonly born: number;
  changed: number;
}

/** What is over stays for ever, and is seldom asked for: what is not is kept beside it, by these conditions. */
const OPEN: { readonly [K in TableName]?: (row: Tables[K]) => boolean } = {
  delivery: ({ status }) => status === 'PENDING',
  lot: ({ state }) => state === 'PENDING' || state === 'SPENDABLE',
  policy: ({ atMs }) => atMs === null,
  segment: ({ toMs, isVoided }) => toMs === null && !isVoided,
};

/** The rows of one account in one table. */
class Table {
  readonly rows = new Map<Key, Stored>();
  readonly open = new Map<Key, unknown>();
  readonly isOpen: (row: unknown) => boolean;

  constructor(readonly name: TableName) {
    this.isOpen = (OPEN[name] ?? (() => false)) as (row: unknown) => boolean;
  }

  write(key: Key, row: unknown, commit: number): void {
    const stored = this.rows.get(key);
    if (row === undefined) this.rows.delete(key);
    else if (stored === undefined) this.rows.set(key, { row, born: commit, changed: commit });
    else {
      stored.row = row;
      stored.changed = commit;
    }
    if (row !== undefined && this.isOpen(row)) this.open.set(key, row);
    else this.open.delete(key);
  }
}

interface Lock {
  readonly name: string;
  holder: View;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly view: View;
  readonly lock: Lock;
  readonly take: () => void;
  readonly fail: (error: Error) => void;
}

export class Server {
  readonly process = new Process('database');
  readonly tables = new Map<TableName, Map<number, Table>>();
  readonly snapshots = new Set<View>();
  readonly listening = new Map<string, Set<Session>>();
  commits = 0;
  /** Messages that were delivered, and changed after that. */
  readonly undone: string[] = [];
  private readonly locks = new Map<string, Lock>();
  private numbers = 0;

  /** A number that was not given before, as of a sequence. */
  next(): number {
    this.numbers += 1;
    return this.numbers;
  }

  /** What is committed now. */
  read(): View {
    return new View(this, false);
  }

  table(name: TableName, accountId: number): Table {
    let byAccount = this.tables.get(name);
    if (byAccount === undefined) this.tables.set(name, (byAccount = new Map<number, Table>()));
    let table = byAccount.get(accountId);
    if (table === undefined) byAccount.set(accountId, (table = new Table(name)));
    return table;
  }

  /** When a row was first committed: the number of the commit; 0: never. */
  bornAt(name: TableName, accountId: number, key: Key): number {
    return this.table(name, accountId).rows.get(key)?.born ?? 0;
  }

  /** The same of its last change. */
  changedAt(name: TableName, accountId: number, key: Key): number {
    return this.table(name, accountId).rows.get(key)?.changed ?? 0;
  }

  /** @throws ServerError when it is held for too long, or the session ends */
  async lock(view: View, name: string): Promise<void> {
    if (this.tryLock(view, name)) return;
    const lock = this.locks.get(name);
    if (lock === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const tooLate = timeline().after(this.process, LOCK_TIMEOUT_MS, () => {
        giveUp(waiting, new ServerError('55P03', 'canceling statement due to lock timeout'));
      });
      const take = (): void => {
        tooLate.isCancelled = true;
        resolve();
      };
      const waiting: Waiting = { view, lock, take, fail: reject };
      view.waiting = waiting;
      lock.waiting.push(waiting);
    });
  }

  tryLock(view: View, name: string): boolean {
    const known = this.locks.get(name);
    if (known !== undefined) return known.holder === view;
    const lock: Lock = { name, holder: view, waiting: [] };
    this.locks.set(name, lock);
    view.locks.push(lock);
    return true;
  }

  /** Frees what a transaction holds, and what it waits for. */
  release(view: View): void {
    if (view.waiting !== null) {
      giveUp(view.waiting, new ServerError('57P01', 'terminating connection'));
    }
    for (const lock of view.locks.splice(0)) {
      const next = lock.waiting.shift();
      if (next === undefined) this.locks.delete(lock.name);
      else {
        lock.holder = next.view;
        next.view.locks.push(lock);
        next.view.waiting = null;
        next.take();
      }
    }
  }
}

function giveUp(waiting: Waiting, error: Error): void {
  const { view, lock } = waiting;
  const index = lock.waiting.indexOf(waiting);
  if (index < 0) return;
  lock.waiting.splice(index, 1);
  view.waiting = null;
  waiting.fail(error);
}

/** The rows as a transaction sees them: its own changes, and what is committed; of a snapshot, what was committed at its beginning. */
export class View {
  readonly locks: Lock[] = [];
  /** What it waits for. */
  waiting: Waiting | null = null;
  private readonly over = new Map<Table, Map<Key, unknown>>();
  private readonly inserted: (readonly [table: Table, key: Key])[] = [];
  private readonly notices: (readonly [channel: string, payload: string])[] = [];
  hasFailed = false;

  constructor(
    readonly server: Server,
    private readonly isSnapshot: boolean,
  ) {}

  /** clock_timestamp() */
  get nowMs(): number {
    return Math.floor(timeline().nowMs);
  }

  get<K extends TableName>(name: K, accountId: number, key: Key): Tables[K] | undefined {
    const table = this.server.table(name, accountId);
    const over = this.over.get(table);
    const row = over?.has(key) === true ? over.get(key) : table.rows.get(key)?.row;
    return row as Tables[K] | undefined;
  }

  /** @throws Error when the row is not there */
  need<K extends TableName>(name: K, accountId: number, key: Key): Tables[K] {
    const row = this.get(name, accountId, key);
    if (row === undefined) throw new Error(`no row ${key} of ${name} of ${accountId}`);
    return row;
  }

  all<K extends TableName>(name: K, accountId: number): readonly Tables[K][] {
    const table = this.server.table(name, accountId);
    const over = this.over.get(table);
    const committed = Array.from(table.rows, ([key, { row }]) => [key, row] as const);
    if (over === undefined) return committed.map(([, row]) => row) as Tables[K][];
    const all = new Map([...committed, ...over]);
    return [...all.values()].filter((row) => row !== undefined) as Tables[K][];
  }

  /** The rows that are not over. */
  open<K extends TableName>(name: K, accountId: number): readonly Tables[K][] {
    const table = this.server.table(name, accountId);
    const over = this.over.get(table);
    if (over === undefined) return [...table.open.values()] as Tables[K][];
    const all = new Map(table.open);
    for (const [key, row] of over) {
      if (row !== undefined && table.isOpen(row)) all.set(key, row);
      else all.delete(key);
    }
    return [...all.values()] as Tables[K][];
  }

  /** Goes through the committed rows of all accounts. */
  each<K extends TableName>(name: K, show: (accountId: number, row: Tables[K]) => void): void {
    for (const [accountId, { rows }] of this.server.tables.get(name) ?? []) {
      for (const { row } of rows.values()) show(accountId, row as Tables[K]);
    }
  }

  /** The accounts that have rows in a table. */
  accountsIn(name: TableName): readonly number[] {
    const byAccount = [...(this.server.tables.get(name) ?? [])];
    return byAccount.filter(([, { rows }]) => rows.size > 0).map(([accountId]) => accountId);
  }

  /** @throws ServerError when there is a row with its key, also one that another transaction commits before this one */
  insert<K extends TableName>(name: K, accountId: number, key: Key, row: Tables[K]): void {
    if (this.get(name, accountId, key) !== undefined) throw duplicate(name);
    this.inserted.push([this.server.table(name, accountId), key]);
    this.put(name, accountId, key, row);
  }

  /** @param row undefined: it is deleted */
  put<K extends TableName>(name: K, accountId: number, key: Key, row: Tables[K] | undefined): void {
    const table = this.server.table(name, accountId);
    const over = this.over.get(table) ?? new Map<Key, unknown>();
    this.over.set(table, over.set(key, row));
  }

  change<K extends TableName>(
    name: K,
    accountId: number,
    key: Key,
    fields: Partial<Tables[K]>,
  ): void {
    const row: object = this.need(name, accountId, key) as object;
    this.put(name, accountId, key, { ...row, ...fields } as Tables[K]);
  }

  lock(name: string): Promise<void> {
    return this.server.lock(this, name);
  }

  tryLock(name: string): boolean {
    return this.server.tryLock(this, name);
  }

  notify(channel: string, payload: string): void {
    this.notices.push([channel, payload]);
  }

  begin(): void {
    if (this.isSnapshot) this.server.snapshots.add(this);
  }

  commit(): void {
    const { server } = this;
    for (const [table, key] of this.inserted) {
      if (table.rows.has(key)) throw duplicate(table.name);
    }
    server.snapshots.delete(this);
    if (!this.isSnapshot) this.writeAll();
    server.release(this);
    for (const [channel, payload] of this.notices) {
      for (const session of server.listening.get(channel) ?? []) session.onNotice(payload);
    }
  }

  private writeAll(): void {
    if (this.over.size > 0) this.server.commits += 1;
    for (const [table, rows] of this.over) {
      for (const [key, row] of rows) this.write(table, key, row);
    }
  }

  rollback(): void {
    this.server.snapshots.delete(this);
    this.server.release(this);
  }

  private write(table: Table, key: Key, row: unknown): void {
    const { server } = this;
    const before = table.rows.get(key)?.row;
    for (const snapshot of server.snapshots) snapshot.keep(table, key, before);
    if (
      table.name === 'delivery' &&
      (before as Tables['delivery'] | undefined)?.status === 'DELIVERED'
    ) {
      server.undone.push(`message ${key}`);
    }
    table.write(key, row, server.commits);
  }

  /** Keeps for a snapshot what a row was. */
  private keep(table: Table, key: Key, row: unknown): void {
    const over = this.over.get(table) ?? new Map<Key, unknown>();
    if (!over.has(key)) over.set(key, row);
    this.over.set(table, over);
  }
}

function duplicate(name: TableName): ServerError {
  const constraint = name === 'identity' ? 'usage_identity_pkey' : `${name}_pkey`;
  return new ServerError('23505', `duplicate key value violates "${constraint}"`, constraint);
}

/** The server's end of a connection. */
export class Session {
  private view: View | null = null;
  private isOver = false;
  /** Ends a session that leaves its transaction open. */
  private idle: Wakeup | null = null;

  constructor(
    private readonly server: Server,
    readonly onNotice: (payload: string) => void,
    private readonly onEnd: () => void,
  ) {}

  /** Runs statements one after the other. None is run after one that failed. */
  async run(group: readonly { readonly text: string }[]): Promise<GroupResult> {
    const results: StatementResult[] = [];
    this.callOffEnd();
    for (const one of group) {
      try {
        results.push(await this.runOne(one));
      } catch (error) {
        // What a failed transaction holds is free at once, though it is open until it is rolled back.
        if (this.view !== null) {
          this.view.hasFailed = true;
          this.view.rollback();
        }
        this.endWhenIdle();
        return { results, error: error as Error };
      }
    }
    this.endWhenIdle();
    return { results, error: null };
  }

  /** The connection is gone: what was not committed is rolled back. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.callOffEnd();
    for (const sessions of this.server.listening.values()) sessions.delete(this);
    this.view?.rollback();
    this.view = null;
  }

  private callOffEnd(): void {
    if (this.idle !== null) this.idle.isCancelled = true;
  }

  private endWhenIdle(): void {
    if (this.view === null) return;
    this.idle = timeline().after(this.server.process, IDLE_TIMEOUT_MS, () => {
      this.end();
      this.onEnd();
    });
  }

  private async runOne(one: { readonly text: string }): Promise<StatementResult> {
    const { text } = one;
    if (text.startsWith('begin')) {
      this.view = new View(this.server, text.includes('repeatable read'));
      this.view.begin();
      return done('BEGIN');
    }
    if (text === 'commit' || text === 'rollback') return this.endTransaction(text);
    if (this.view?.hasFailed === true) {
      throw new ServerError('25P02', 'current transaction is aborted');
    }
    return one instanceof Statement ? this.runStatement(one) : this.runText(text);
  }

  private runText(text: string): StatementResult {
    if (text.startsWith('listen')) this.listenTo(text.split('"')[1] ?? '');
    if (text.includes('clock_timestamp()')) {
      return { rows: [{ now: new Date(Math.floor(timeline().nowMs)) }], command: 'SELECT' };
    }
    const isKnown = /^(set local|listen|select 1$)/.test(text);
    if (!isKnown) throw new Error(`the simulation does not know: ${text.slice(0, 200)}`);
    return done('SET');
  }

  private async runStatement({ run }: Statement): Promise<StatementResult> {
    if (this.view !== null) {
      const rows = (await run(this.view)) as StatementResult['rows'];
      if (this.isOver) throw new ServerError('57P01', 'terminating connection');
      return { rows, command: 'SELECT' };
    }
    const alone = new View(this.server, false);
    try {
      const rows = (await run(alone)) as StatementResult['rows'];
      alone.commit();
      return { rows, command: 'SELECT' };
    } finally {
      alone.rollback();
    }
  }

  private endTransaction(how: 'commit' | 'rollback'): StatementResult {
    const { view } = this;
    this.view = null;
    if (view === null) return done('ROLLBACK');
    try {
      if (how === 'rollback' || view.hasFailed) return done('ROLLBACK');
      view.commit();
      return done('COMMIT');
    } finally {
      view.rollback();
    }
  }

  private listenTo(channel: string): void {
    const sessions = this.server.listening.get(channel) ?? new Set();
    this.server.listening.set(channel, sessions.add(this));
  }
}

function done(command: string): StatementResult {
  return { rows: [], command };
}
