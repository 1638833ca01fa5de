// The explorer and the start page, from files of this project and its packages: nothing is fetched from elsewhere.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

const packageFile = createRequire(import.meta.url);

interface StaticFile {
  readonly url: string;
  readonly file: string;
  readonly type: string;
}

const page = (name: string): string => path.join(import.meta.dirname, 'pages', name);
const ofPackage = (name: string, file: string): string =>
  path.join(path.dirname(packageFile.resolve(`${name}/package.json`)), file);

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

const files: readonly StaticFile[] = [
  { url: '/', file: page('start.html'), type: HTML },
  { url: '/pages/start.css', file: page('start.css'), type: STYLE },
  { url: '/graphiql', file: page('graphiql.html'), type: HTML },
  { url: '/pages/graphiql-page.js', file: page('graphiql-page.js'), type: SCRIPT },
  { url: '/pages/graphiql-page.css', file: page('graphiql-page.css'), type: STYLE },
  { url: '/pages/graphiql.js', file: ofPackage('graphiql', 'graphiql.min.js'), type: SCRIPT },
  { url: '/pages/graphiql.css', file: ofPackage('graphiql', 'graphiql.min.css'), type: STYLE },
  { url: '/pages/react.js', file: ofPackage('react', 'umd/react.production.min.js'), type: SCRIPT },
  {
    url: '/pages/react-dom.js',
    file: ofPackage('react-dom', 'umd/react-dom.production.min.js'),
    type: SCRIPT,
  },
];

// GraphiQL's editor sets style attributes and starts a worker from a blob; everything else comes from here.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Adds `/` and `/graphiql`. They hold no data: the key that reads it is typed into the page. */
export function registerExplorer(server: FastifyInstance): void {
  for (const { url, file, type } of files) {
    server.get(url, async (_request, reply) =>
      reply
        .type(type)
        .header('content-security-policy', CONTENT_SECURITY_POLICY)
        .header('x-content-type-options', 'nosniff')
        .send(await readFile(file)),
    );
  }
}
