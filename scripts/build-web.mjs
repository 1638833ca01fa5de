// Bundles web/ into web/dist: the Usage page and the explorer. `npm ci` runs this as `prepare`; a gateway whose build is missing
// or stale runs it beside itself. With --watch it builds again as files change, for `npm run web:dev`.
//
// Names hold the hash of their content, and the pages and the record are put in place by renaming. So a gateway that serves, or
// another one that builds, never meets half a build.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { build, context } from 'esbuild';
import { hashOf, root, web, webDist, webRecord } from './dist.mjs';

const isWatching = process.argv.includes('--watch');
/** Where the gateway serves what has a hash in its name. */
const PUBLIC_PATH = '/usage/assets/';
const settings = ['package-lock.json', 'scripts/build-web.mjs', 'web/tsconfig.json'];
const pages = [
  { name: 'usage', entry: 'web/main.tsx', template: 'web/index.html' },
  { name: 'explorer', entry: 'web/explorer/main.tsx', template: 'web/explorer/index.html' },
];
const workers = {
  editor: 'node_modules/monaco-editor/esm/vs/editor/editor.worker.js',
  graphql: 'node_modules/monaco-graphql/esm/graphql.worker.js',
  json: 'node_modules/monaco-editor/esm/vs/language/json/json.worker.js',
};
const options = {
  absWorkingDir: root,
  outdir: path.join(webDist, 'assets'),
  publicPath: PUBLIC_PATH,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  minify: !isWatching,
  sourcemap: isWatching && 'inline',
  platform: 'browser',
  // Those with light-dark().
  target: ['chrome123', 'firefox120', 'safari17.5'],
  define: { 'process.env.NODE_ENV': isWatching ? '"development"' : '"production"' },
  loader: { '.ttf': 'file', '.woff2': 'file' },
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
};

async function buildWorkers() {
  const { metafile } = await build({ ...options, format: 'iife', entryPoints: workers });
  const files = {};
  for (const name of Object.keys(workers)) {
    files[name] = PUBLIC_PATH + path.basename(outputOf(metafile, workers[name])[0]);
  }
  return { files, assets: assetsOf(metafile) };
}

function outputOf({ outputs }, entry) {
  return Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === entry);
}

function assetsOf({ outputs }) {
  return Object.keys(outputs).map((file) => path.basename(file));
}

/** What a page loads before it shows anything: its entry, what that imports at once, and its styles. */
function tagsOf(metafile, entry) {
  const [script, { cssBundle }] = outputOf(metafile, entry);
  const early = new Set();
  const visit = (file) => {
    for (const { path: imported, kind } of metafile.outputs[file].imports) {
      if (kind !== 'import-statement' || early.has(imported)) continue;
      early.add(imported);
      visit(imported);
    }
  };
  visit(script);
  const at = (file) => PUBLIC_PATH + path.basename(file);
  return [
    ...(cssBundle === undefined ? [] : [`<link rel="stylesheet" href="${at(cssBundle)}" />`]),
    `<script type="module" src="${at(script)}"></script>`,
    ...[...early].map((file) => `<link rel="modulepreload" href="${at(file)}" />`),
  ].join('\n    ');
}

async function put(file, text) {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, text);
  await rename(draft, file);
}

async function finish(metafile, workerAssets) {
  for (const { name, entry, template } of pages) {
    const html = await readFile(path.join(root, template), 'utf8');
    const tags = tagsOf(metafile, entry);
    await put(
      path.join(webDist, `${name}.html`),
      html.replace('<!-- assets -->', () => tags),
    );
  }
  const sources = Object.keys(metafile.inputs).filter((file) => !/^node_modules\/|:/.test(file));
  const inputs = [...sources, ...pages.map(({ template }) => template), ...settings].sort();
  const assets = [...assetsOf(metafile), ...workerAssets].sort();
  // What is made for development is never what a start would make.
  const hash = isWatching ? 'development' : await hashOf(inputs);
  await put(webRecord, JSON.stringify({ hash, inputs, assets }));
  const kept = new Set(assets);
  for (const file of await readdir(options.outdir)) {
    if (!kept.has(file)) await rm(path.join(options.outdir, file), { force: true });
  }
}

await mkdir(options.outdir, { recursive: true });
const { files, assets: workerAssets } = await buildWorkers();
const bundled = {
  ...options,
  format: 'esm',
  splitting: true,
  entryPoints: Object.fromEntries(pages.map(({ name, entry }) => [name, entry])),
  tsconfig: path.join(web, 'tsconfig.json'),
  define: { ...options.define, WORKER_FILES: JSON.stringify(files) },
};
if (isWatching) {
  const finishing = {
    name: 'finish',
    setup: ({ onEnd }) => {
      onEnd(async ({ metafile }) => {
        if (metafile === undefined) return;
        await finish(metafile, workerAssets);
        process.stdout.write('web/dist is made\n');
      });
    },
  };
  const watched = await context({ ...bundled, plugins: [finishing] });
  await watched.watch();
} else {
  const { metafile } = await build(bundled);
  await finish(metafile, workerAssets);
}
