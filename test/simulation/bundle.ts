// The gateway's code and the simulation as one script: stores, the connection to the database and chance are replaced by those of
// the simulation, all else is as it is.

import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { compiling } from '../../scripts/compiling.mjs';
import { root } from '../../scripts/dist.mjs';
import { type Mutation, mutations } from '../faults/mutants.ts';
import type { Lived } from './simulation.ts';
import type { WorldName } from './worlds.ts';

const run = promisify(execFile);
const OUTPUT_MAX = 1 << 28;
/** Nearly all that a wakeup makes is garbage after it: the more of it is made before it is collected, the less is copied. In MiB. */
const YOUNG_SPACE = '--max-semi-space-size=64';
const here = path.join(root, 'test/simulation');

/** What takes the place of exports of which files: each replaces those that have its exports' names. */
const REPLACED: Readonly<Record<string, readonly string[]>> = {
  'stores/credits.ts': [
    'account/account.store.ts',
    'audit/audit.store.ts',
    'catalogue/catalogue.store.ts',
    'hosting/hosting.store.ts',
    'resources/resources.store.ts',
    'settlement/credits.store.ts',
    'settlement/due.store.ts',
    'settlement/ledger.store.ts',
    'settlement/state.store.ts',
    'settlement/thresholds.store.ts',
  ],
  'stores/delivering.ts': [
    'alerts/alerts.store.ts',
    'db/jobs.ts',
    'db/job-statements.ts',
    'notifications/emails.store.ts',
    'partners/deliveries.store.ts',
    'partners/webhooks.store.ts',
  ],
  'stores/recording.ts': [
    'recording/events.store.ts',
    'rollups/rollups.store.ts',
    'rollups/units.store.ts',
  ],
  'connection.ts': ['db/connection.ts'],
  'own.ts': ['db/turns.ts'],
};

/** Packages and modules of Node of which something is replaced. */
const MODULES: Readonly<Record<string, string>> = {
  typeorm: `const nothing = () => () => undefined;
    export { nothing as Column, nothing as Entity, nothing as PrimaryColumn, nothing as Index };
    export class DataSource {}`,
  pg: `import { Pool } from '${here}/connection.ts'; export default { Pool };`,
  'node:crypto': `export * from 'node:crypto';
    export { randomBytes, randomInt, randomUUID } from '${here}/own.ts';`,
  'node:os': `import os from 'node:os'; import { uptime } from '${here}/own.ts'; export default { ...os, uptime };`,
};

const EXPORTED = /^export (?:async )?(?:function|const|class) (\w+)/gm;

async function exportsOf(file: string): Promise<ReadonlySet<string>> {
  const source = await fs.readFile(file, 'utf8');
  return new Set([...source.matchAll(EXPORTED)].map(([, name = '']) => name));
}

function replacements(): Plugin {
  const replacing = new Map(
    Object.entries(REPLACED).flatMap(([by, files]) =>
      files.map((file) => [path.join(root, 'src', file), path.join(here, by)] as const),
    ),
  );
  return {
    name: 'replacements',
    setup: (building) => {
      building.onResolve(
        { filter: /^(typeorm|pg|node:crypto|node:os)$/ },
        ({ path: name, namespace }) =>
          namespace === 'module'
            ? { path: name, external: true }
            : { path: name, namespace: 'module' },
      );
      building.onLoad({ filter: /.*/, namespace: 'module' }, ({ path: name }) => ({
        contents: MODULES[name] ?? '',
        resolveDir: here,
      }));
      building.onResolve({ filter: /\.ts$/ }, ({ path: name, resolveDir, namespace }) => {
        const file = path.resolve(resolveDir, name);
        if (namespace === 'replaced' || !replacing.has(file)) return undefined;
        return { path: file, namespace: 'replaced' };
      });
      // What is named explicitly comes before what all of a file is exported with.
      building.onLoad({ filter: /.*/, namespace: 'replaced' }, async ({ path: file }) => {
        const by = replacing.get(file) ?? '';
        const [all, ours] = [await exportsOf(file), await exportsOf(by)];
        const names = [...all].filter((name) => ours.has(name));
        // Of a file that is replaced as a whole, nothing is to run.
        const rest = names.length < all.size ? `export * from '${file}';` : '';
        const contents = `${rest} export { ${names.join(', ')} } from '${by}';`;
        return { contents, resolveDir: path.dirname(file), loader: 'ts' };
      });
    },
  };
}

/**
 * Builds the simulation, for as long as it is used.
 * @param mutated faults of the code that it is to have
 * @param use gets the script
 */
export async function bundled<T>(
  mutated: readonly Mutation[],
  use: (script: string) => Promise<T>,
): Promise<T> {
  // Where it finds the packages that it imports.
  const cache = path.join(root, 'node_modules/.cache');
  await fs.mkdir(cache, { recursive: true });
  const folder = await fs.mkdtemp(path.join(cache, 'simulation-'));
  try {
    const outfile = path.join(folder, 'simulation.mjs');
    await build({
      ...compiling,
      absWorkingDir: root,
      entryPoints: [path.join(here, 'worker.ts')],
      outfile,
      bundle: true,
      packages: 'external',
      sourcemap: 'inline',
      logLevel: 'warning',
      plugins: [replacements(), await mutations(mutated)],
    });
    return await use(outfile);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

/** How seeds are to be lived. */
interface Life {
  readonly accountHours: number;
  /** Left out: whichever a seed decides. */
  readonly world?: WorldName;
  /** Whether the seeds after one in which anything was violated are left. */
  readonly endsBroken?: boolean;
}

/**
 * Has a process live through seeds, one after the other.
 * @returns what each came to
 * @throws Error with what the process said, when it ended by itself
 */
export async function simulate(
  script: string,
  seeds: readonly string[],
  { accountHours, world, endsBroken = false }: Life,
): Promise<readonly Lived[]> {
  const lines = [
    ...['--enable-source-maps', YOUNG_SPACE, script],
    ...[String(accountHours), world ?? 'any', String(endsBroken), ...seeds],
  ];
  const { stdout } = await run(process.execPath, lines, { maxBuffer: OUTPUT_MAX });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Lived);
}
