// The pages that a person opens in a browser: the Usage page and the explorer. This server serves everything, and each page's
// policy keeps the browser from asking any other server.

import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NotFoundError } from '../core/errors.ts';
import type { BuiltPages, Missing } from './built-pages.ts';
import type { KeyCheck } from './key-check.ts';

const RETRY_AFTER_SECONDS = 2;
const NONCE_BYTES = 16;

const NOBODY = `'none'`;
/** Where a browser gets a token for the demo. */
export const DEMO_PATH = '/usage/demo';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
};

export interface PagesDeps {
  readonly pages: BuiltPages;
  /** Whether pages of an origin may embed the Usage page. */
  readonly mayEmbed: (origin: string) => Promise<boolean>;
  /** What each field costs, for those who may read the schema. */
  readonly fieldCosts: Readonly<Record<string, string>>;
  readonly check: KeyCheck;
  /** A token that opens the demo, for whoever asks; undefined: there is no demo. */
  readonly demoToken?: (() => Promise<string>) | undefined;
}

/** Adds the Usage page, the explorer and their files. */
export function servePages(app: FastifyInstance, deps: PagesDeps): void {
  const { pages, mayEmbed, demoToken } = deps;
  // Tells a page that there is a demo to open.
  const withDemo = (html: string, page: string): string =>
    demoToken === undefined
      ? html
      : html.replace('<!-- demo -->', `<meta name="demo" content="${page}/demo" />`);
  const usage = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const build = await pages.current();
    void reply.header('vary', 'referer');
    const embedder = await embedderOf(request, mayEmbed);
    if (typeof build === 'string') return answerMissing(reply, build, embedder);
    const nonce = newNonce();
    return answerPage(reply, withDemo(build.usage, '/usage').replaceAll('{{nonce}}', nonce), [
      `style-src 'self' 'nonce-${nonce}'`,
      `font-src 'self'`,
      `require-trusted-types-for 'script'`,
      `frame-ancestors ${embedder}`,
    ]);
  };
  if (demoToken !== undefined) {
    for (const page of ['/usage', '/graphiql']) {
      app.get(`${page}/demo`, async (_request, reply) =>
        reply.redirect(`${page}#token=${await demoToken()}`, 303),
      );
    }
  }
  app.get('/usage', usage);
  app.get('/usage/*', usage);
  app.get('/graphiql', async (_request, reply) => {
    const build = await pages.current();
    if (typeof build === 'string') return answerMissing(reply, build, NOBODY);
    // The editor sets inline styles as it runs, and its styles hold their fonts.
    return answerPage(reply, withDemo(build.explorer, '/graphiql'), [
      `style-src 'self' 'unsafe-inline'`,
      `font-src 'self' data:`,
      `worker-src 'self'`,
      `frame-ancestors ${NOBODY}`,
    ]);
  });
  app.get('/graphiql/costs', { onRequest: deps.check }, () => deps.fieldCosts);
  app.get<{ Params: { name: string } }>('/usage/assets/:name', (request, reply) =>
    answerAsset(pages, request, reply),
  );
  app.get('/', { exposeHeadRoute: false }, (request, reply) => {
    void reply.header('vary', 'accept');
    const isPerson = request.headers.accept?.includes('text/html') === true;
    return isPerson ? reply.redirect('/usage', 303) : ADDRESSES;
  });
}

/** What programs that ask for the root are told. */
const ADDRESSES = {
  usage: '/usage',
  explorer: '/graphiql',
  graphql: '/graphql',
  events: '/v1/events',
  health: '/health/ready',
  metrics: '/metrics',
};

// The page is asked for before its token is known. Where a browser does not say who embeds it, nobody may.
async function embedderOf(
  { headers: { referer } }: FastifyRequest,
  mayEmbed: PagesDeps['mayEmbed'],
): Promise<string> {
  if (referer === undefined || !URL.canParse(referer)) return NOBODY;
  const { origin } = new URL(referer);
  return (await mayEmbed(origin)) ? origin : NOBODY;
}

// It has no entity tag: each answer has a nonce of its own, which the page in a cache would not have.
function answerPage(reply: FastifyReply, html: string, policy: readonly string[]): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .headers({
      'content-security-policy': [
        `default-src 'none'`,
        `script-src 'self'`,
        `connect-src 'self'`,
        `img-src 'self' data:`,
        `base-uri 'none'`,
        `form-action 'none'`,
        ...policy,
      ].join('; '),
      'cache-control': 'no-cache',
      'referrer-policy': 'no-referrer',
    })
    .send(html);
}

const SENTENCES: Readonly<Record<Missing, string>> = {
  BUILDING: 'This page is being built. It opens in a moment.',
  FAILED: 'This page could not be built: see the log of the gateway, then run: npm run build',
};

function answerMissing(reply: FastifyReply, missing: Missing, embedder: string): FastifyReply {
  const nonce = newNonce();
  const isBuilding = missing === 'BUILDING';
  if (isBuilding) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  // A refresh by <meta> would stay where the address has a fragment, such as that of a token.
  const reload = isBuilding
    ? `<script nonce="${nonce}">setTimeout(() => location.reload(), ${RETRY_AFTER_SECONDS * 1_000});</script>`
    : '';
  return reply
    .status(503)
    .type('text/html; charset=utf-8')
    .header(
      'content-security-policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; frame-ancestors ${embedder}`,
    )
    .send(
      `<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>Billing gateway</title>
<link rel="icon" href="data:," />
<style nonce="${nonce}">:root { color-scheme: light dark } p { margin: 20vh 1rem; text-align: center; font: 1rem/1.5 system-ui, sans-serif }</style>
<p role="status">${SENTENCES[missing]}</p>${reload}
</html>`,
    );
}

function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url');
}

async function answerAsset(
  pages: BuiltPages,
  request: FastifyRequest<{ Params: { name: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { name } = request.params;
  const type = TYPES[path.extname(name)];
  const content = type === undefined ? null : await pages.asset(name);
  if (type === undefined || content === null) {
    throw new NotFoundError('There is no such file; the page may have been built anew.');
  }
  // The name is of the content. Weak, because it is sent in several encodings.
  const etag = `W/"${name}"`;
  void reply.headers({ etag, 'cache-control': 'public, max-age=31536000, immutable' });
  if (request.headers['if-none-match'] === etag) return reply.status(304).send();
  return reply.type(type).send(content);
}
