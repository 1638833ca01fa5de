// The pages that a person opens in a browser. This server serves everything: the explorer's files come from installed
// packages, by an explicit list, and each page's policy keeps the browser from asking any other server.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

const require = createRequire(import.meta.url);

interface Asset {
  readonly url: string;
  /** The manifest of the file's package. */
  readonly manifest: string;
  readonly file: string;
  readonly type: 'text/javascript' | 'text/css';
}

const ASSETS: readonly Asset[] = [
  {
    url: '/graphiql/react.js',
    manifest: require.resolve('react/package.json'),
    file: 'umd/react.production.min.js',
    type: 'text/javascript',
  },
  {
    url: '/graphiql/react-dom.js',
    manifest: require.resolve('react-dom/package.json'),
    file: 'umd/react-dom.production.min.js',
    type: 'text/javascript',
  },
  {
    url: '/graphiql/graphiql.js',
    manifest: require.resolve('graphiql/package.json'),
    file: 'graphiql.min.js',
    type: 'text/javascript',
  },
  {
    url: '/graphiql/graphql-sse.js',
    manifest: require.resolve('graphql-sse/package.json'),
    file: 'umd/graphql-sse.min.js',
    type: 'text/javascript',
  },
  {
    url: '/graphiql/graphiql.css',
    manifest: require.resolve('graphiql/package.json'),
    file: 'graphiql.min.css',
    type: 'text/css',
  },
];

/** Adds the start page, the GraphQL explorer and its files. */
export async function servePages(app: FastifyInstance): Promise<void> {
  await servePage(app, '/', 'start.html');
  await servePage(app, '/graphiql', 'graphiql.html');
  for (const asset of ASSETS) await serveAsset(app, asset);
}

async function servePage(app: FastifyInstance, url: string, name: string): Promise<void> {
  const html = await readFile(new URL(`./pages/${name}`, import.meta.url), 'utf8');
  const policy = contentPolicy(html);
  app.get(url, (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .headers({
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'referrer-policy': 'no-referrer',
      })
      .send(html),
  );
}

async function serveAsset(app: FastifyInstance, asset: Asset): Promise<void> {
  const content = await readFile(path.join(path.dirname(asset.manifest), asset.file));
  // Weak, because it names the content, which is sent in several encodings.
  const etag = `W/"${createHash('sha256').update(content).digest('base64url')}"`;
  app.get(asset.url, (request, reply) => {
    void reply.headers({ etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === etag) return reply.status(304).send();
    return reply.type(`${asset.type}; charset=utf-8`).send(content);
  });
}

// A page's scripts are allowed by their hash, so injected ones do not run. Inline styles are allowed, because the explorer
// sets them at run time.
function contentPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script]) =>
      `'sha256-${createHash('sha256')
        .update(script ?? '')
        .digest('base64')}'`,
  );
  return [
    `default-src 'none'`,
    [`script-src 'self'`, ...scripts].join(' '),
    `style-src 'self' 'unsafe-inline'`,
    `img-src 'self' data:`,
    `font-src 'self' data:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');
}
