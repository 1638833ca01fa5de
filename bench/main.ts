// npm run bench -- ingest | views | graphql | live | burn | overload | exports | ledger-chain | attacks: each starts what it needs, measures ours and its peer
// in turns, and prints the ratios with their aims. docs/benchmarks.md says what they mean.

import { Command } from 'commander';

const program = new Command('bench').description(
  'Compares the gateway with plain SQL and with its peers.',
);

interface Flags {
  readonly quick: boolean;
}

program
  .command('views')
  .description(
    'the Overview and each tab, between sizes of accounts and against plain SQL over the raw tables',
  )
  .option('--quick', 'small accounts and few rounds', false)
  .option('--plans', 'print the plans of the hot statements too', false)
  .action(async (flags: Flags & { readonly plans: boolean }) => {
    const { benchViews } = await import('./views/bench.ts');
    await benchViews(flags);
  });

program
  .command('ingest')
  .description('recording through HTTP against plain INSERTs of the same rows')
  .option('--quick', 'short turns and few rounds', false)
  .action(async (flags: Flags) => {
    const { benchIngest } = await import('./ingest/bench.ts');
    await benchIngest(flags);
  });

program
  .command('graphql')
  .description(
    'a page of 100 and of 500 rows against stock Apollo Server on Express and against mercurius',
  )
  .option('--quick', 'short turns and few rounds', false)
  .action(async (flags: Flags) => {
    const { benchGraphql } = await import('./graphql/bench.ts');
    await benchGraphql(flags);
  });

program
  .command('live')
  .description('thousands of subscribers on one gateway: from commit to delivery, and memory')
  .option('--quick', 'few subscribers, a short time', false)
  .action(async (flags: Flags) => {
    const { benchLive } = await import('./live/bench.ts');
    await benchLive(flags);
  });

program
  .command('burn')
  .description('crossings that time alone causes, among thousands of burning accounts: how late')
  .option('--quick', 'fewer accounts, a short time', false)
  .option('--per-second <crossings>', 'crossings a second', Number)
  .action(async (flags: Flags & { readonly perSecond?: number }) => {
    const { benchBurn } = await import('./burn/bench.ts');
    await benchBurn(flags);
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
    await benchExports(flags);
  });

program
  .command('ledger-chain')
  .description('what chaining the ledger by hashes costs recording, in processor time')
  .option('--quick', 'short turns', false)
  .action(async (flags: Flags) => {
    const { benchLedgerChain } = await import('./ledger-chain/bench.ts');
    await benchLedgerChain(flags);
  });

program
  .command('attacks')
  .description('what attacks cost the gateway in processor time and memory before it refuses them')
  .option('--only <name>', 'those whose names contain this')
  .action(async (flags: { readonly only?: string }) => {
    const { benchAttacks } = await import('./attacks/bench.ts');
    await benchAttacks({ only: flags.only });
  });

await program.parseAsync();
