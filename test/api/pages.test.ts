// The Usage page and the explorer as the server hands them out, from a build that this test writes.

import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BuiltPages, type PageSource } from '../../src/http/built-pages.ts';
import {
  startSmallServer,
  type SmallServer,
  type SmallServerOptions,
} from '../support/small-server.ts';

const PORTAL = 'https://portal.example.com';
const LISTED = 'https://app.example.com';
const USAGE =
  '<meta property="csp-nonce" nonce="{{nonce}}" /><script src="/usage/assets/usage-AA.js"></script>';

let folder: string;
let small: SmallServer;

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'gateway-pages-'));
});

afterEach(async () => {
  await small.server.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function writeBuild(usage = USAGE): Promise<void> {
  const assets = { 'usage-AA.js': 'show();', 'usage-BB.css': 'p {}', 'icons-CC.ttf': 'icons' };
  await fs.mkdir(path.join(folder, 'assets'), { recursive: true });
  for (const [name, content] of Object.entries(assets)) {
    await fs.writeFile(path.join(folder, 'assets', name), content);
  }
  await fs.writeFile(path.join(folder, 'assets', 'unlisted-DD.js'), 'old();');
  await fs.writeFile(path.join(folder, 'usage.html'), usage);
  await fs.writeFile(path.join(folder, 'explorer.html'), '<!-- demo --><p>explorer</p>');
  await fs.writeFile(
    path.join(folder, 'build.json'),
    JSON.stringify({ assets: Object.keys(assets) }),
  );
}

function source(set: Partial<PageSource> = {}): PageSource {
  return {
    folder,
    isFresh: () => Promise.resolve(true),
    build: () => Promise.reject(new Error('nothing is to be built')),
    ...set,
  };
}

async function serve(options: SmallServerOptions = {}): Promise<void> {
  small = await startSmallServer({ pages: new BuiltPages(source()), ...options });
}

/** The directives of an answer's policy by their names. */
function policyOf(headers: unknown): Readonly<Record<string, string>> {
  const policy = (headers as Record<string, string>)['content-security-policy'] ?? '';
  const directives = policy.split('; ').map((directive) => {
    const [name = '', ...values] = directive.split(' ');
    return [name, values.join(' ')];
  });
  return Object.fromEntries(directives) as Record<string, string>;
}

describe('the Usage page', () => {
  it('is one page for all its addresses', async () => {
    await writeBuild('page');
    await serve();

    for (const address of ['/usage', '/usage/models?range=7d', '/usage/a/b']) {
      const { status, text, headers } = await small.http.get(address);
      expect({ status, text }).toEqual({ status: 200, text: 'page' });
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-cache');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });

  it('may run its own scripts, and styles with the nonce of this answer alone', async () => {
    await writeBuild();
    await serve();

    const [first, second] = [await small.http.get('/usage'), await small.http.get('/usage')];

    const [, nonce = ''] = /nonce="([^"]+)"/.exec(first.text) ?? [];
    expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
    expect(second.text).not.toContain(nonce);
    expect(policyOf(first.headers)).toEqual({
      'default-src': `'none'`,
      'script-src': `'self'`,
      'style-src': `'self' 'nonce-${nonce}'`,
      'connect-src': `'self'`,
      'img-src': `'self' data:`,
      'font-src': `'self'`,
      'base-uri': `'none'`,
      'form-action': `'none'`,
      'require-trusted-types-for': `'script'`,
      'frame-ancestors': `'none'`,
    });
  });

  it.each([
    ['a listed origin', `${LISTED}/`, LISTED],
    ['an origin of a token in force', `${PORTAL}/billing?x=1`, PORTAL],
    ['another origin', 'https://evil.example.com/', `'none'`],
    ['an origin that begins alike', `${PORTAL}.evil.example.com/`, `'none'`],
    ['no address', 'nonsense; script-src *', `'none'`],
  ])('is embedded by %s, or is not', async (_what, referer, ancestors) => {
    await writeBuild();
    await serve({
      http: { corsOrigins: [LISTED] },
      isTokenOrigin: (origin) => Promise.resolve(origin === PORTAL),
    });

    const { headers } = await small.http.get('/usage').set('referer', referer);

    expect(policyOf(headers)['frame-ancestors']).toBe(ancestors);
    // Another embedder must not get this answer from a cache.
    expect(headers['vary']).toMatch(/\breferer\b/i);
  });

  it('brings its files along, which a browser keeps', async () => {
    await writeBuild();
    await serve();

    const script = await small.http.get('/usage/assets/usage-AA.js');
    const styles = await small.http.get('/usage/assets/usage-BB.css');
    const again = await small.http
      .get('/usage/assets/usage-AA.js')
      .set('if-none-match', String(script.headers['etag']));

    expect(script.text).toBe('show();');
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    });
    expect(styles.headers['content-type']).toBe('text/css; charset=utf-8');
    expect(again.status).toBe(304);
    expect(again.text).toBe('');
  });

  it.each([
    'missing-AA.js',
    'unlisted-DD.js',
    '..%2Fbuild.json',
    '..%2F..%2Fpackage.json',
    '%2Fetc%2Fpasswd',
  ])('has no file %s', async (name) => {
    await writeBuild();
    await serve();

    const { status, headers } = await small.http.get(`/usage/assets/${name}`);

    expect(status).toBe(404);
    expect(headers['cache-control']).toBe('no-store');
  });

  it('is the newest build, also of one that came while the gateway runs', async () => {
    await writeBuild('old');
    await serve();
    await small.http.get('/usage');
    await writeBuild('new');
    const later = new Date('2040-01-01T00:00:00Z');
    await fs.utimes(path.join(folder, 'build.json'), later, later);

    expect((await small.http.get('/usage')).text).toBe('new');
  });
});

describe('a missing build', () => {
  it('is made once, and until then the page says so and comes again', async () => {
    let builds = 0;
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const pages = new BuiltPages(
      source({
        isFresh: () => Promise.resolve(false),
        build: async () => {
          builds += 1;
          await finished;
          await writeBuild('built');
        },
      }),
    );
    await serve({ pages });

    const made = Promise.all([pages.prepare(), pages.prepare()]);
    const meanwhile = await small.http.get('/usage');
    const explorer = await small.http.get('/graphiql');
    finish();
    await made;
    const afterwards = await small.http.get('/usage');

    expect(meanwhile.status).toBe(503);
    expect(meanwhile.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' });
    expect(meanwhile.text).toContain('setTimeout(() => location.reload(), 2000)');
    expect(meanwhile.text).toContain('is being built');
    expect(explorer.status).toBe(503);
    expect(afterwards).toMatchObject({ status: 200, text: 'built' });
    expect(builds).toBe(1);
  });

  it('that cannot be made is told, and what is stale is not shown instead', async () => {
    await writeBuild('stale');
    const build = (): Promise<never> => Promise.reject(new Error('no such module'));
    const pages = new BuiltPages(source({ isFresh: () => Promise.resolve(false), build }));
    await serve({ pages });

    await expect(pages.prepare()).rejects.toThrow('no such module');
    const { status, text } = await small.http.get('/usage');

    expect(status).toBe(503);
    expect(text).toContain('could not be built');
    expect(text).not.toContain('reload');
  });

  it('is not made when there is a fresh one', async () => {
    await writeBuild('fresh');
    const pages = new BuiltPages(source());
    await serve({ pages });
    await pages.prepare();

    expect((await small.http.get('/usage')).text).toBe('fresh');
  });
});

describe('the explorer', () => {
  it('asks nobody but this server, and nobody embeds it', async () => {
    await writeBuild();
    await serve({ http: { corsOrigins: [LISTED] } });

    const { text, headers } = await small.http.get('/graphiql').set('referer', LISTED);

    expect(text).toContain('<p>explorer</p>');
    expect(policyOf(headers)).toMatchObject({
      'default-src': `'none'`,
      'script-src': `'self'`,
      'connect-src': `'self'`,
      'worker-src': `'self'`,
      'frame-ancestors': `'none'`,
    });
  });
});

describe('the demo', () => {
  it('is opened with a token in the fragment, which no server gets, and the page offers it', async () => {
    await writeBuild('<!-- demo --><p></p>');
    await serve({ demoToken: () => Promise.resolve('bgp_demo') });

    const link = await small.http.get('/usage/demo');
    const page = await small.http.get('/usage');

    expect(link.status).toBe(303);
    expect(link.headers).toMatchObject({
      location: '/usage#token=bgp_demo',
      'cache-control': 'no-store',
    });
    expect(page.text).toBe('<meta name="demo" content="/usage/demo" /><p></p>');
    const explorer = await small.http.get('/graphiql/demo');
    expect(explorer.headers).toMatchObject({ location: '/graphiql#token=bgp_demo' });
    expect((await small.http.get('/graphiql')).text).toContain('content="/graphiql/demo"');
  });

  it('is offered by no gateway that has none', async () => {
    await writeBuild('<!-- demo --><p></p>');
    await serve();

    const answer = await small.http.get('/usage/demo');

    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('meta');
    expect((await small.http.get('/graphiql/demo')).status).toBe(404);
  });
});

describe('the root', () => {
  it('leads people to the Usage page', async () => {
    await serve();

    const { status, headers } = await small.http
      .get('/')
      .set('accept', 'text/html,application/xhtml+xml,*/*;q=0.8');

    expect({ status, location: headers['location'] }).toEqual({ status: 303, location: '/usage' });
  });

  it('tells programs the addresses', async () => {
    await serve();

    const answer = await small.http.get('/').set('accept', '*/*');

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ graphql: '/graphql', usage: '/usage' });
  });
});
