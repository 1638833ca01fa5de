// npm run bench -- ingest | folding | … | all: each starts what it needs, measures ours and its peer in turns, and prints the figures
// with their goals. docs/benchmarks.md says what they mean.

import { Command } from 'commander';
import { printResults, type Result } from './support/results.ts';

const program = new Command('bench').description(
  'Compares the gateway with plain SQL and with its peers.',
);

/** What `all` runs. */
const IN_ALL = [
  'ingest',
  'folding',
  'graphql',
  'views',
  'live',
  'burn',
  'exports',
  'ledger-chain',
] as const;

interface Flags {
  readonly quick: boolean;
}

// The process that runs all benchmarks, if there is one, is told too.
function tell(results: readonly Result[]): void {
  printResults('Goals', results);
  if (process.send === undefined) return;
  process.send(results);
  process.disconnect();
}

program
  .command('all')
  .description('the benchmarks that have goals, and one table of all goals and figures')
  .option('--quick', 'in ten minutes', false)
  .action(async (flags: Flags) => {
    const { benchAll } = await import('./all.ts');
    const known = new Set(program.commands.map((command) => command.name()));
    const ran = await benchAll(
      IN_ALL.filter((name) => known.has(name)),
      flags,
    );
    if (!ran) process.exitCode = 1;
  });

program
  .command('views')
  .description(
    'the Overview and each tab, between sizes of accounts and against plain SQL over the raw tables',
  )
  .option('--quick', 'small accounts and few rounds', false)
  .option('--plans', 'print the plans of the hot statements too', false)
  .action(async (flags: Flags & { readonly plans: boolean }) => {
    const { benchViews } = await import('./views/bench.ts');
    tell(await benchViews(flags));
  });

program
  .command('ingest')
  .description('recording through HTTP against plain INSERTs of the same rows')
  .option('--quick', 'short turns and few rounds', false)
  .option('--rows <events>', 'events that are recorded before, such as 2000000', Number)
  .action(async (flags: Flags & { readonly rows?: number }) => {
    const { benchIngest } = await import('./ingest/bench.ts');
    tell(await benchIngest(flags));
  });

program
  .command('folding')
  .description('what folding events into the rollups costs, and how far it is behind')
  .option('--quick', 'few events and accounts', false)
  .action(async (flags: Flags) => {
    const { benchFolding } = await import('./folding/bench.ts');
    tell(await benchFolding(flags));
  });

program
  .command('graphql')
  .description(
    'pages of 100, 500 and 1,000 rows against stock Apollo Server on Express and against mercurius',
  )
  .option('--quick', 'short turns and few rounds', false)
  .action(async (flags: Flags) => {
    const { benchGraphql } = await import('./graphql/bench.ts');
    tell(await benchGraphql(flags));
  });

program
  .command('live')
  .description('thousands of subscribers on one gateway: from commit to delivery, and memory')
  .option('--quick', 'few subscribers, a short time', false)
  .action(async (flags: Flags) => {
    const { benchLive } = await import('./live/bench.ts');
    tell(await benchLive(flags));
  });

program
  .command('burn')
  .description('crossings that time alone causes, among thousands of burning accounts: how late')
  .option('--quick', 'fewer accounts, a short time', false)
  .option('--per-second <crossings>', 'crossings a second', Number)
  .action(async (flags: Flags & { readonly perSecond?: number }) => {
    const { benchBurn } = await import('./burn/bench.ts');
    tell(await benchBurn(flags));
  });

program
  .command('overload')
  .description('three times the load that the gateway can do: what it still does, and how soon')
  .option('--quick', 'for a short time', false)
  .action(async (flags: Flags) => {
    const { benchOverload } = await import('./overload/bench.ts');
    await benchOverload(flags);
  });

program
  .command('exports')
  .description('a million rows as CSV and NDJSON: rows and bytes a second, the first line, memory')
  .option('--quick', 'a tenth of the rows and few rounds', false)
  .action(async (flags: Flags) => {
    const { benchExports } = await import('./exports/bench.ts');
    tell(await benchExports(flags));
  });

program
  .command('ledger-chain')
  .description('what chaining the ledger by hashes costs recording, in processor time')
  .option('--quick', 'short turns', false)
  .action(async (flags: Flags) => {
    const { benchLedgerChain } = await import('./ledger-chain/bench.ts');
    tell(await benchLedgerChain(flags));
  });

program
  .command('size')
  .description('views, recording, folding, settling and the start on 1e7 events beside 1e5')
  .option('--quick', 'on 1e5 events, to see that it works', false)
  .option('--plans', 'print the plans of the hot statements too', false)
  .option('--events <count>', 'of the large database', Number)
  .option('--data <folder>', 'keep both databases there, and measure those that are there')
  .action(
    async (
      flags: Flags & {
        readonly plans: boolean;
        readonly events?: number;
        readonly data?: string;
      },
    ) => {
      const { benchSize } = await import('./size/bench.ts');
      tell(await benchSize(flags));
    },
  );

program
  .command('attacks')
  .description('what attacks cost the gateway in processor time and memory before it refuses them')
  .option('--only <name>', 'those whose names contain this')
  .action(async (flags: { readonly only?: string }) => {
    const { benchAttacks } = await import('./attacks/bench.ts');
    await benchAttacks({ only: flags.only });
  });

await program.parseAsync();
