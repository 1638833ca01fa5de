// Which state of the database a caller's reads must include: that of its own last write. A write's answer tells the position in a
// header, which the caller may send back to any gateway. This gateway also keeps it, until the replica has it.

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
/** How many callers' writes are kept; with more, all callers' reads must include all of them. */
const CALLERS_MAX = 10_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a route that is no GraphQL writes. */
    readonly writes?: boolean;
  }
}

export class ReadPositions {
  /** By caller; null: nobody knows where its last write was. */
  private readonly writes = new Map<string, Position | null>();
  /** What everybody's reads must include. */
  private ofAll: Position | null = null;

  constructor(private readonly replica: Pick<Replica, 'position' | 'covers'>) {}

  /**
   * Notes that a caller has written, before the write is answered.
   * @returns the position for its answer; null: it is not known, and the database itself answers this caller for now
   */
  async wrote(actor: Actor): Promise<string | null> {
    const caller = callerKey(actor);
    this.writes.set(caller, null);
    try {
      const position = await this.replica.position();
      this.keep(caller, position);
      return formatPosition(position);
    } catch {
      return null;
    }
  }

  /**
   * What a read replica may answer to a caller; undefined: nothing.
   * @param sent the request's header
   * @throws BAD_USER_INPUT
   */
  readsOf(actor: Actor, sent: string | string[] | undefined): Reads | undefined {
    const named = parseSent(sent);
    const caller = callerKey(actor);
    const own = this.writes.get(caller);
    if (own === null) {
      // The write was answered, so a position from now on includes it.
      void this.wrote(actor);
      return undefined;
    }
    if (own !== undefined && this.replica.covers(own)) this.writes.delete(caller);
    return { after: laterOf(laterOf(named, own ?? null), this.ofAll) };
  }

  private keep(caller: string, position: Position): void {
    // Of writes at the same time the later position includes both.
    this.writes.set(caller, laterOf(this.writes.get(caller) ?? null, position));
    if (this.writes.size <= CALLERS_MAX) return;
    this.ofAll = laterOf(this.ofAll, position);
    for (const [one, known] of this.writes) if (known !== null) this.writes.delete(one);
  }
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
