// Which requests open a WebSocket. To upgrade is an offer that a server may decline (RFC 9110, section 7.8), and some clients
// make it with each request, for HTTP/2. So only what asks for a socket where there is one is taken out of HTTP. Everything else
// is answered as if it had not offered anything.

import { IncomingMessage } from 'node:http';
import type { FastifyInstance, preHandlerHookHandler } from 'fastify';

/** The address of sockets. */
export const SOCKET_PATH = '/graphql';

/** A request as it arrives. Node asks it whether to take it out of HTTP, once its headers have been read. */
export class Arrival extends IncomingMessage {
  private offersUpgrade = false;

  get upgrade(): boolean {
    // Nothing serves CONNECT; Node ends its connection.
    return this.offersUpgrade && (this.method === 'CONNECT' || opensSocket(this));
  }

  /** Node sets it by the headers. */
  set upgrade(isOffered: boolean | null) {
    this.offersUpgrade = isOffered === true;
  }
}

function opensSocket({ method, url, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    url?.split('?', 1)[0] === SOCKET_PATH &&
    headers.upgrade?.toLowerCase() === 'websocket'
  );
}

/** Ends the connection of an upgrade that was refused with an answer: HTTP has let go of it, so nothing else would. */
export function endRefusedUpgrades(app: FastifyInstance): void {
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (raw instanceof Arrival && raw.upgrade) raw.socket.destroy();
    done();
  });
}

/**
 * A route's last hook: lets go of the answer that HTTP made ready for a request that opens a socket. The connection would keep it,
 * and with it the request, for as long as it lasts.
 */
export const releaseAnswer: preHandlerHookHandler = ({ ws, raw }, reply, done) => {
  if (ws) reply.raw.detachSocket(raw.socket);
  done();
};
