// npm run check:rollups [-- ACCOUNT …]: recomputes the rollups of some accounts (by id or external id), or of all,
// from the recorded events and segments, and compares. Status 0: all are right; 1: some differ, or it failed.

import { program } from 'commander';
import { decodeId } from '../core/identity.ts';
import { formatMicro } from '../core/micro.ts';
import {
  RollupCheckService,
  type RollupDifference,
  type RollupFigures,
} from '../rollups/check.service.ts';
import { withDatabase } from './opened.ts';

const TIERS = ['quarter hour', 'two hours', 'day', '8 days', '64 days', 'hour'];

program
  .name('check:rollups')
  .description('Compares the rollups with the recorded events and segments.')
  .argument('[accounts...]', 'ids or external ids; none: all accounts')
  .action(async (names: readonly string[]) => {
    process.exitCode = await run(names);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(names: readonly string[]): Promise<number> {
  return withDatabase((database) => check(new RollupCheckService(database), names));
}

async function check(service: RollupCheckService, names: readonly string[]): Promise<number> {
  const accountIds = names.length === 0 ? null : await resolve(service, names);
  let accounts = 0;
  let wrong = 0;
  for await (const { accountId, differences } of service.check(accountIds)) {
    accounts += 1;
    if (differences.length === 0) continue;
    wrong += 1;
    process.stdout.write(`Account ${accountId}:\n${differences.map(line).join('')}`);
  }
  process.stdout.write(
    wrong === 0
      ? `The rollups of ${accounts} accounts are those of their events and segments.\n`
      : `The rollups of ${wrong} of ${accounts} accounts differ.\n`,
  );
  return wrong === 0 ? 0 : 1;
}

async function resolve(
  service: RollupCheckService,
  names: readonly string[],
): Promise<readonly number[]> {
  const byExternalId = await service.findAccountIds(names);
  return names.map((name) => {
    const ref = decodeId(name);
    const accountId = ref?.type === 'Account' ? ref.localId : byExternalId.get(name);
    if (accountId === undefined) {
      throw new Error(`No account has the id or external id ${JSON.stringify(name)}.`);
    }
    return accountId;
  });
}

function line({ table, tier, bucket, dimension, type, ...rest }: RollupDifference): string {
  const { hardwareId, stored, raw } = rest;
  const which = bucket === null ? 'over all time' : `bucket ${bucket}`;
  const where = `${table}, tier ${tier} (${TIERS[tier] ?? 'unknown'}), ${which}, ${dimension} ${type ?? 'usage'}`;
  const hardware = hardwareId === 0 ? '' : ` on hardware ${hardwareId}`;
  return `  ${where}${hardware}: ${shown(stored)}; recorded ${shown(raw)}\n`;
}

function shown({ events, quantity, creditsMicro, hostingMs, replicaMs }: RollupFigures): string {
  const credits = formatMicro(creditsMicro);
  return `${events} events, quantity ${quantity}, ${credits} credits, ${hostingMs} ms, ${replicaMs} replica ms`;
}
