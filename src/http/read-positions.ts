// Which state of the database a caller's reads must include: that of its own last write, and of the last ones by those who manage its
// account. A write's answer tells the position in a header, which the caller may send back to any gateway. This gateway also keeps
// it, until the replica has it.

import type { FastifyInstance, FastifyRequest, preHandlerHookHandler } from 'fastify';
import { OperationTypeNode } from 'graphql';
import { UserInputError } from '../core/errors.ts';
import { type Actor, callerKey } from '../core/identity.ts';
import type { Reads } from '../db/database.ts';
import { formatPosition, laterOf, parsePosition, type Position } from '../db/position.ts';
import type { Replica } from '../db/replica.ts';
import { goesOn } from '../graphql/cursors-in.ts';
import { actorOf } from './request-state.ts';

/** Of answers to writes, and of requests that read after them. */
export const POSITION_HEADER = 'x-read-after';
/** How many writes are kept; with more, everybody's reads must include all of them. */
const WRITES_MAX = 10_000;
const EVERYBODY = '*';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a route that is no GraphQL writes. */
    readonly writes?: boolean;
  }
}

export class ReadPositions {
  /** By caller, by account, and for EVERYBODY; null: nobody knows where the last write was. */
  private readonly writes = new Map<string, Position | null>();

  constructor(private readonly replica: Pick<Replica, 'position' | 'covers'>) {}

  /**
   * Notes that a caller has written, before the write is answered.
   * @returns the position for its answer; null: it is not known, and the database itself answers those who read it for now
   */
  async wrote(actor: Actor): Promise<string | null> {
    const position = await this.find(readersOf(actor));
    return position === null ? null : formatPosition(position);
  }

  /**
   * What a read replica may answer to a caller; undefined: nothing.
   * @param sent the request's header
   * @throws BAD_USER_INPUT
   */
  readsOf(actor: Actor, sent: string | string[] | undefined): Reads | undefined {
    let after = parseSent(sent);
    const unknown: string[] = [];
    for (const key of [callerKey(actor), String(actor.accountId), EVERYBODY]) {
      const written = this.writes.get(key);
      if (written === null) unknown.push(key);
      else if (written !== undefined) {
        if (this.replica.covers(written)) this.writes.delete(key);
        after = laterOf(after, written);
      }
    }
    if (unknown.length === 0) return { after };
    // The writes were answered, so a position from now on includes them.
    void this.find(unknown);
    return undefined;
  }

  /** Finds a position that includes what was written for some; null: it cannot be found now. */
  private async find(keys: readonly string[]): Promise<Position | null> {
    for (const key of keys) this.writes.set(key, null);
    this.bound();
    try {
      const position = await this.replica.position();
      // Of writes at the same time the later position includes both.
      for (const key of keys) {
        this.writes.set(key, laterOf(this.writes.get(key) ?? null, position));
      }
      return position;
    } catch {
      // Of another write at the same time the position may have come meanwhile. It need not include this one.
      for (const key of keys) this.writes.set(key, null);
      return null;
    }
  }

  private bound(): void {
    if (this.writes.size <= WRITES_MAX) return;
    const known = [...this.writes.values()];
    this.writes.clear();
    this.writes.set(EVERYBODY, known.includes(null) ? null : known.reduce(laterOf, null));
  }
}

/**
 * Whose reads must include what a caller writes. An account's new keys must find what they were made for. Those that only record
 * usage write all the time and make nothing that others need, so the replica goes on answering others. An operator may have written
 * for any account.
 */
function readersOf(actor: Actor): readonly string[] {
  if (actor.accountId === null) return [EVERYBODY];
  const own = callerKey(actor);
  return actor.scopes.has('MANAGE') ? [own, String(actor.accountId)] : [own];
}

function parseSent(sent: string | string[] | undefined): Position | null {
  if (sent === undefined) return null;
  const position = typeof sent === 'string' ? parsePosition(sent) : null;
  if (position !== null) return position;
  throw new UserInputError(
    `The header ${POSITION_HEADER} is ${JSON.stringify(String(sent).slice(0, 40))}; it must be as a write was answered with it, such as 0/16B3748.`,
  );
}

/** Tells the position in the answers to writes. */
export function tellPositions(app: FastifyInstance, positions: ReadPositions | null): void {
  if (positions === null) return;
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isWrite(request)) return payload;
    const position = await positions.wrote(actorOf(request));
    if (position !== null) void reply.header(POSITION_HEADER, position);
    return payload;
  });
}

function isWrite({ actor, judged, routeOptions }: FastifyRequest): boolean {
  if (actor === null) return false;
  return judged?.read.type === OperationTypeNode.MUTATION || routeOptions.config.writes === true;
}

/**
 * A route's hook after its operation was read: decides what a read replica may answer. What goes on from a cursor may be of a newer
 * state than the replica's, so the database itself answers it.
 * @throws BAD_USER_INPUT
 */
export function decideReads(positions: ReadPositions | null): preHandlerHookHandler {
  return (request, _reply, done) => {
    if (positions !== null && isRead(request)) {
      request.reads = positions.readsOf(actorOf(request), request.headers[POSITION_HEADER]);
    }
    done();
  };
}

function isRead({ actor, judged, query }: FastifyRequest): boolean {
  if (actor === null) return false;
  if (judged !== null) return judged.read.type === OperationTypeNode.QUERY && !goesOn(judged.read);
  return typeof query === 'object' && query !== null && !('after' in query);
}
