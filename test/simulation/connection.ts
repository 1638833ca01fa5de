// The network between gateways and the database: takes the place of db/connection.ts, and of the pools of typeorm and pg. Each message
// takes its time, and a connection may be cut or fall silent at any moment, with what is under way on it.

import { EventEmitter } from 'node:events';
import type { DataSource } from 'typeorm';
import type { GroupResult, StatementResult } from '../../src/db/statement-group.ts';
import { Session } from './server.ts';
import { type Process, timeline } from './time.ts';
import { network } from './network.ts';

export const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 6_000;

export function sessionOptions(): string {
  return '';
}

/** As pg's client says it. */
function terminated(): Error {
  return new Error('Connection terminated unexpectedly');
}

type Settle = (result: GroupResult) => void;

export class Connection extends EventEmitter {
  readonly isSuspect = false;
  readonly owner: Process = timeline().current;
  isOver = false;
  private isSilent = false;
  private settle: Settle | null = null;
  private readonly session: Session;

  constructor() {
    super();
    this.session = new Session(
      network().server,
      (payload) => {
        this.bring(payload);
      },
      () => {
        this.cut();
      },
    );
    network().connections.add(this);
  }

  async connect(): Promise<void> {
    const { error } = await this.exchange([], CONNECT_WITHIN_MS);
    if (error !== null) throw error;
  }

  run(statements: readonly { readonly text: string }[]): Promise<GroupResult> {
    return this.exchange(statements, ANSWER_WITHIN_MS);
  }

  /** As pg's client: one statement. */
  async query(text: string): Promise<StatementResult> {
    const { results, error } = await this.exchange([{ text }], ANSWER_WITHIN_MS);
    if (error !== null) throw error;
    return results[0] ?? { rows: [], command: '' };
  }

  end(): Promise<void> {
    this.break(terminated());
    const net = network();
    // A server hears nothing of the end of a silent connection until it asks.
    timeline().after(net.server.process, net.delayMs() + (this.isSilent ? 10_000 : 0), () => {
      this.session.end();
    });
    return Promise.resolve();
  }

  /** Nothing more comes through, and both ends are told. */
  cut(): void {
    if (this.isOver) return;
    const net = network();
    this.isSilent = true;
    // Of a gateway that is dead, nobody is left to take it out later.
    net.connections.delete(this);
    timeline().after(net.server.process, net.delayMs(), () => {
      this.session.end();
    });
    timeline().after(this.owner, net.delayMs(), () => {
      this.break(terminated());
    });
  }

  /** Nothing more comes through, and nobody is told. */
  fallSilent(): void {
    this.isSilent = true;
  }

  expectWithin(): void {
    // Only statements that the simulation does not run may take longer.
  }

  escapeIdentifier(name: string): string {
    return `"${name}"`;
  }

  private exchange(
    statements: readonly { readonly text: string }[],
    withinMs: number,
  ): Promise<GroupResult> {
    if (this.isOver) return Promise.resolve({ results: [], error: terminated() });
    return new Promise((resolve) => {
      const tooLate = timeline().timer(withinMs, () => void this.end());
      this.settle = (result) => {
        tooLate.isCancelled = true;
        this.settle = null;
        resolve(result);
      };
      this.carry(network().server.process, () => {
        void this.session.run(statements).then((result) => {
          if (network().losesAnswer(statements.at(-1)?.text === 'commit')) this.cut();
          else this.carry(this.owner, () => this.settle?.(result));
        });
      });
    });
  }

  private bring(payload: string): void {
    const net = network();
    if (net.losesNotice()) return;
    timeline().after(this.owner, net.noticeDelayMs(), () => {
      if (!this.isSilent && !this.isOver) this.emit('notification', { payload });
    });
  }

  private carry(to: Process, act: () => void): void {
    const net = network();
    if (net.isCutOff(this.owner)) this.isSilent = true;
    timeline().after(to, net.delayMs(), () => {
      if (!this.isSilent && !(to === this.owner && this.isOver)) act();
    });
  }

  private break(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    network().connections.delete(this);
    this.settle?.({ results: [], error });
    this.emit('error', error);
    this.emit('end');
  }
}

interface Runner {
  readonly connect: () => Promise<Connection>;
  readonly release: () => Promise<void>;
}

/** Connections that are used again. */
class Connections {
  private readonly idle: Connection[] = [];
  private readonly waiting: (() => void)[] = [];
  private open = 0;

  constructor(private readonly size: number) {}

  async acquire(): Promise<Connection> {
    while (this.open >= this.size) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.open += 1;
    const known = this.idle.pop();
    if (known !== undefined && !known.isOver) return known;
    const connection = new Connection();
    connection.on('error', () => undefined);
    try {
      await connection.connect();
      return connection;
    } catch (error) {
      void connection.end();
      this.giveBack(connection);
      throw error;
    }
  }

  giveBack(connection: Connection): void {
    this.open -= 1;
    if (!connection.isOver) this.idle.push(connection);
    this.waiting.shift()?.();
  }
}

/** What a Database needs of a pool. */
export function poolOf(size: number): DataSource {
  const connections = new Connections(size);
  const createQueryRunner = (): Runner => {
    let held: Connection | null = null;
    return {
      connect: async () => (held = await connections.acquire()),
      release: () => {
        if (held !== null) connections.giveBack(held);
        held = null;
        return Promise.resolve();
      },
    };
  };
  return { createQueryRunner } as unknown as DataSource;
}

/** The pool of pg, as far as the runner of jobs uses it. */
export class Pool {
  private readonly connections: Connections;

  constructor({ max }: { readonly max: number }) {
    this.connections = new Connections(max);
  }

  on(): this {
    return this;
  }

  async query(statement: { readonly text: string }): Promise<StatementResult> {
    const connection = await this.connections.acquire();
    try {
      const { results, error } = await connection.run([statement]);
      if (error !== null) throw error;
      return results[0] ?? { rows: [], command: '' };
    } finally {
      this.connections.giveBack(connection);
    }
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
