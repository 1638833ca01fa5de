// GET /v1/statements/{id}.json, .html, .pdf: the closed books of a billing cycle as they were signed, and printed; and the public keys that verify them.
// docs/statements.md describes both.

import type { FastifyInstance, FastifyReply } from 'fastify';
import { NotFoundError } from '../core/errors.ts';
import { isoInstant } from '../core/range.ts';
import type { Parameters } from '../exports/request.ts';
import type { PublishedKey, StatementKeys } from '../statements/keys.service.ts';
import type { StatementService } from '../statements/statements.service.ts';
import type { KeyCheck } from './key-check.ts';
import type { RequestAdmission } from './overload.ts';
import type { Points } from './rates.ts';
import { actorOf } from './request-state.ts';
import { type Form, type Rendered, statementForms } from './statement-forms.ts';

/** As long as a new key is known before it signs. */
const KEYS_CACHED_SECONDS = 60;

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
  app.route<{ Params: { file: string }; Querystring: Parameters }>({
    method: 'GET',
    url: '/v1/statements/:file',
    exposeHeadRoute: false,
    onRequest: async (request) => {
      admission.onRequest();
      await check(request);
    },
    preHandler: async (request) => {
      const { form } = formOf(request.params.file);
      admission.admit(request, { type: 'query', points: form.points });
      await points?.take(actorOf(request), form.points);
    },
    handler: async (request, reply) => {
      const { id, form } = formOf(request.params.file);
      const statement = await statements.open(actorOf(request), id);
      const { query, headers } = request;
      const wishes = { parameters: query, acceptLanguage: headers['accept-language'] };
      return send(reply, await form.render(statement, wishes));
    },
  });
  app.route({
    method: 'GET',
    url: '/.well-known/billing-keys.json',
    onRequest: () => {
      admission.onRequest();
      return Promise.resolve();
    },
    handler: async (_request, reply) => {
      // Before the headers: nobody may keep a failure.
      const keys = await statements.keys.list();
      return reply
        .headers({
          'cache-control': `public, max-age=${KEYS_CACHED_SECONDS}`,
          // They are for everybody, pages too.
          'access-control-allow-origin': '*',
        })
        .send({ keys: keys.map(shownKey) });
    },
  });
}

function formOf(file: string): { readonly id: string; readonly form: Form } {
  const [, id, extension] = /^([^.]*)\.([^.]*)$/.exec(file) ?? [];
  const form = Object.entries(statementForms).find(([name]) => name === extension)?.[1];
  if (id !== undefined && form !== undefined) return { id, form };
  const forms = Object.keys(statementForms).map((name) => `.${name}`);
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
