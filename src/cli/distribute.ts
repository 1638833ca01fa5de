// npm run db:distribute: migrates the database of DATABASE_URL, and distributes its tables by account over the servers of Citus.
// It can be done again. Status 0: they are distributed; 1: it failed, and nothing was distributed.

import { program } from 'commander';
import { migrations } from '../../ormconfig.ts';
import { loadConfig } from '../config.ts';
import { migrateAndDistribute } from '../db/migrate.ts';

program
  .name('db:distribute')
  .description('Distributes the tables of DATABASE_URL by account over the servers of Citus.')
  .action(async () => {
    const { databaseUrl } = loadConfig(process.env);
    if (databaseUrl === null) {
      throw new Error('Set DATABASE_URL to the database of the coordinator, as its owner.');
    }
    const tables = await migrateAndDistribute({ url: databaseUrl, migrations });
    process.stdout.write(
      tables.length === 0
        ? 'All tables were distributed already.\n'
        : `Distributed: ${tables.join(', ')}.\n`,
    );
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
