// What npm run archive does: months leave for files, account by account, and come back.

import path from 'node:path';
import { present } from '../../core/errors.ts';
import { groupBy } from '../../core/group.ts';
import type {
  ArchivedMonth,
  ArchivingService,
  FiledMonth,
  MonthOfAccount,
} from '../../recording/archiving.service.ts';
import { readMonth, writeArchive, type WrittenFile } from './file.ts';

/** Where the files are, and what is said meanwhile: a line without its line feed. */
export interface ArchiveOptions {
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** Archives what can be of all months before one, such as "2026-02". */
export async function archiveBefore(
  service: ArchivingService,
  before: string,
  options: ArchiveOptions,
): Promise<void> {
  const months = await service.listMonths(before);
  if (months.length === 0) options.say(`No events were recorded before ${before}.`);
  for (const month of months) await archiveMonth(service, month, options);
}

async function archiveMonth(
  service: ArchivingService,
  month: string,
  { folder, say }: ArchiveOptions,
): Promise<void> {
  const { accounts, kept: file } = await service.read(month, (lines) =>
    writeArchive(folder, month, lines),
  );
  const taken = file === null ? [] : await takeOutAll(service, accounts, { month, file });
  const events = taken.reduce((sum, one) => sum + one.events, 0);
  say(
    file === null || taken.length === 0
      ? `${month}: nothing was archived.`
      : `${month}: ${events} events of ${accountsOf(taken.length)} are now in ${file.name} (${file.bytes} bytes).`,
  );
  const changed = (file?.accounts.length ?? 0) - taken.length;
  if (changed > 0) say(`  Left of ${accountsOf(changed)}: changed meanwhile, so run it again.`);
  for (const [reason, own] of groupBy(accounts, ({ waitsFor }) => waitsFor)) {
    if (reason !== null) say(`  Left of ${accountsOf(own.length)}: ${reason}.`);
  }
}

/** @returns those that were taken out */
async function takeOutAll(
  service: ArchivingService,
  accounts: readonly MonthOfAccount[],
  { month, file }: { readonly month: string; readonly file: WrittenFile },
): Promise<readonly FiledMonth[]> {
  const readOf = new Map(accounts.map((account) => [account.accountId, account]));
  const taken: FiledMonth[] = [];
  for (const filed of file.accounts) {
    const read = present(readOf.get(filed.accountId), 'an account that was read');
    if (await service.takeOut(read, { ...filed, month })) taken.push(filed);
  }
  return taken;
}

/**
 * Brings back what is archived of a month, such as "2026-01", or is in a file.
 * @returns whether all of it could be; what could not stays archived
 */
export async function attach(
  service: ArchivingService,
  named: string,
  { folder, say }: ArchiveOptions,
): Promise<boolean> {
  const isMonth = /^\d{4}-\d{2}$/.test(named);
  const archived = await service.listArchived(
    isMonth ? { month: named } : { file: path.basename(named) },
  );
  if (archived.length === 0) say(`Nothing of ${named} is archived.`);
  const inFolder = isMonth ? folder : path.dirname(named) === '.' ? folder : path.dirname(named);
  let [back, events] = [0, 0];
  for (const one of archived) {
    const why = await attachOne(service, one, path.join(inFolder, one.file));
    if (why === null) [back, events] = [back + 1, events + one.events];
    else say(why);
  }
  if (back > 0) say(`${named}: ${events} events of ${accountsOf(back)} are back.`);
  return back === archived.length;
}

/** @returns null, or why it stays archived */
async function attachOne(
  service: ArchivingService,
  archived: ArchivedMonth,
  file: string,
): Promise<string | null> {
  try {
    await service.attach(archived, () => readMonth(file, archived));
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `Account ${archived.accountId} stays archived: ${reason}`;
  }
}

function accountsOf(count: number): string {
  return count === 1 ? '1 account' : `${count} accounts`;
}
