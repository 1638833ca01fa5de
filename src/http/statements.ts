// GET /v1/statements/{id}.json: the closed books of a billing cycle as they were signed; and the public keys that verify them.
// docs/statements.md describes both.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NotFoundError } from '../core/errors.ts';
import { isoInstant } from '../core/range.ts';
import type { PublishedKey, StatementKeys } from '../statements/keys.service.ts';
import type { StoredStatement } from '../statements/statement.ts';
import { signedText, type StatementService } from '../statements/statements.service.ts';
import type { KeyCheck } from './key-check.ts';
import type { RequestAdmission } from './overload.ts';
import type { Points } from './rates.ts';
import { actorOf } from './request-state.ts';

const POINTS = 20;
/** As long as a new key is known before it signs. */
const KEYS_CACHED_SECONDS = 60;

/** A statement in one form. */
interface Rendered {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Other headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

type Renderer = (
  statement: StoredStatement,
  request: FastifyRequest,
) => Rendered | Promise<Rendered>;

/** The forms of a statement, by the extension of its address. */
const renderers: Readonly<Record<string, Renderer>> = {
  json: (statement) => ({
    contentType: 'application/json; charset=utf-8',
    body: signedText(statement),
    headers: {
      'content-disposition': `attachment; filename="statement-${statement.number}.json"`,
    },
  }),
};

export interface StatementsRouteDeps {
  readonly statements: Pick<StatementService, 'open'> & {
    readonly keys: Pick<StatementKeys, 'list'>;
  };
  readonly check: KeyCheck;
  readonly admission: RequestAdmission;
  /** Without it points are not limited. */
  readonly points?: Points | undefined;
}

/** Adds the routes to a server. */
export function registerStatementRoutes(app: FastifyInstance, deps: StatementsRouteDeps): void {
  const { statements, admission, check, points } = deps;
  app.route<{ Params: { file: string } }>({
    method: 'GET',
    url: '/v1/statements/:file',
    exposeHeadRoute: false,
    onRequest: async (request) => {
      admission.onRequest();
      await check(request);
    },
    preHandler: async (request) => {
      admission.admit(request, { type: 'query', points: POINTS });
      await points?.take(actorOf(request), POINTS);
    },
    handler: async (request, reply) => {
      const { id, render } = formOf(request.params.file);
      const statement = await statements.open(actorOf(request), id);
      return send(reply, await render(statement, request));
    },
  });
  app.get('/.well-known/billing-keys.json', async (_request, reply) =>
    reply
      .headers({
        'cache-control': `public, max-age=${KEYS_CACHED_SECONDS}`,
        // They are for everybody, pages too.
        'access-control-allow-origin': '*',
      })
      .send({ keys: (await statements.keys.list()).map(shownKey) }),
  );
}

function formOf(file: string): { readonly id: string; readonly render: Renderer } {
  const [, id, extension] = /^([^.]*)\.([^.]*)$/.exec(file) ?? [];
  const render = Object.entries(renderers).find(([name]) => name === extension)?.[1];
  if (id !== undefined && render !== undefined) return { id, render };
  const forms = Object.keys(renderers).map((name) => `.${name}`);
  throw new NotFoundError(
    `There is no ${JSON.stringify(file.slice(0, 80))}: a statement's address ends in its id and ${forms.join(' or ')}.`,
  );
}

function send(reply: FastifyReply, { contentType, body, headers = {} }: Rendered): FastifyReply {
  return reply.headers({ ...headers, 'content-type': contentType }).send(body);
}

/** A key as a JWK (RFC 8037), with the time in which it signs. */
function shownKey({ keyId, publicKey, notBeforeMs, notAfterMs }: PublishedKey): object {
  return {
    kty: 'OKP',
    crv: 'Ed25519',
    x: publicKey,
    kid: keyId,
    alg: 'EdDSA',
    use: 'sig',
    notBefore: isoInstant(notBeforeMs),
    notAfter: notAfterMs === null ? null : isoInstant(notAfterMs),
  };
}
