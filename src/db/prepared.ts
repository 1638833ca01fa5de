// Which statements a connection keeps prepared on the server, so that it need not read and analyse their texts again. A text
// gets a name when it is sent for the second time, by any connection. So texts that depend on what a caller asks for are not
// prepared for one use, and those that are prepared are bounded.

import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Row } from './decode.ts';

/** On each connection: all that the gateway runs often. */
export const PREPARED_MAX = 200;
const TEXTS_SEEN_MAX = 2_000;
// The rows of a FETCH depend on its cursor, so nothing else is prepared.
const CAN_BE_PREPARED =
  /^\s*(?:\/\*.*?\*\/)?\s*(?:select|with|insert|update|delete|begin|commit)\b/;

/** Reads the rows of a statement. */
export type RowReader = (values: readonly (string | null)[]) => Row;

/** A statement that the server keeps. */
export interface PreparedStatement {
  readonly name: string;
  /** Undefined until the server has described its rows; null: it returns none. */
  reader: RowReader | null | undefined;
}

/** Texts that were sent at least once, by any connection. */
const seen = new LRUCache<string, true>({ max: TEXTS_SEEN_MAX });
/** Rises when what is prepared no longer fits the schema. */
let generation = 0;
// No two processes or connections use a name, so that behind a pooler a name is unknown rather than another statement's.
const NAMES_START = `s${randomBytes(6).toString('hex')}_`;
let named = 0;

/** What one connection has prepared. */
export class PreparedStatements {
  private readonly byText: LRUCache<string, PreparedStatement>;
  private forgotten: string[] = [];
  private generation = generation;

  /** @param isOn false: nothing is prepared, as poolers need that share a connection between transactions */
  constructor(private readonly isOn: boolean) {
    this.byText = new LRUCache<string, PreparedStatement>({
      max: PREPARED_MAX,
      dispose: ({ name }) => {
        this.forgotten.push(name);
      },
    });
  }

  /** What the server keeps of a text, or undefined. */
  find(text: string): PreparedStatement | undefined {
    if (this.generation !== generation) {
      this.generation = generation;
      this.byText.clear();
    }
    return this.byText.get(text);
  }

  /** Names a text that is worth it. The caller has the server prepare it. @returns undefined for any other */
  add(text: string): PreparedStatement | undefined {
    if (!this.isOn || !CAN_BE_PREPARED.test(text) || !isSeenAgain(text)) return undefined;
    named += 1;
    const statement = { name: `${NAMES_START}${named}`, reader: undefined };
    this.byText.set(text, statement);
    return statement;
  }

  /** Forgets a text of which the server may not have kept anything. */
  forget(text: string): void {
    this.byText.delete(text);
  }

  /** The names that the server need not keep any longer; once each. */
  takeForgotten(): readonly string[] {
    const names = this.forgotten;
    this.forgotten = [];
    return names;
  }
}

function isSeenAgain(text: string): boolean {
  if (seen.get(text) === true) return true;
  seen.set(text, true);
  return false;
}

const STALE_STATES = new Set(['26000', '42P05']);

/**
 * Whether a statement failed because what was prepared of it no longer holds: the schema changed the types of its rows, or
 * somebody else uses the connection too. It was not run, and all that is prepared is forgotten: run again, it succeeds.
 */
export function isStale(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, routine, cause } = error as Readonly<Record<string, unknown>>;
  if (STALE_STATES.has(String(code)) || routine === 'RevalidateCachedQuery') return true;
  return isStale(cause);
}

/** Forgets what all connections have prepared. */
export function forgetPrepared(): void {
  generation += 1;
  seen.clear();
}
