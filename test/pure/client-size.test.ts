// What a browser loads with the client: bundled and minified as a page does it, and compressed as a server does.

import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

const KB = 1_000;
const CORE_MOST = 12 * KB;
const WHOLE_MOST = 20 * KB;

interface Bundled {
  readonly bytes: number;
  readonly text: string;
  /** The packages that went in. */
  readonly packages: readonly string[];
}

/** What a program becomes that imports the client and exports what it says. */
async function bundled(program: string): Promise<Bundled> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: path.resolve('packages/client/src'), loader: 'ts' },
    ...{ bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022' },
    ...{ write: false, metafile: true },
  });
  const [file] = outputFiles;
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [],
  );
  return {
    bytes: gzipSync(file?.contents ?? '', { level: 9 }).length,
    text: file?.text ?? '',
    packages: [...new Set(packages)],
  };
}

describe('the client in a browser', () => {
  it('is at most 12 KB without the methods, and brings no other package than graphql-ws', async () => {
    const { bytes, text, packages } = await bundled(
      `export { createCore, GatewayError } from './index.ts';`,
    );

    expect(bytes).toBeLessThanOrEqual(CORE_MOST);
    expect(packages).toEqual(['graphql-ws']);
    expect(text).toContain('mutation RecordUsage');
    // Operations that nobody asked for are left out.
    expect(text).not.toContain('query Overview');
  });

  it('is at most 20 KB with every operation', async () => {
    const { bytes, text } = await bundled(`export { createGateway } from './index.ts';`);

    expect(bytes).toBeLessThanOrEqual(WHOLE_MOST);
    expect(text).toContain('query Overview');
  });

  it('verifies webhooks with nothing else', async () => {
    const { packages, text } = await bundled(`export { verify } from './webhooks.ts';`);

    expect(packages).toEqual([]);
    expect(text).not.toContain('query ');
  });
});
