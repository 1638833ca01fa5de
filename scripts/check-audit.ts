// npm run check:audit: known vulnerabilities of the packages that run in production, as far as the registry tells them, and what
// scripts/lockfile.ts asks of all packages.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { faultsOf, type Lockfile, type PackageFile } from './lockfile.ts';

interface AuditReport {
  /** What went wrong, if there is no report. */
  readonly message?: string;
  readonly metadata?: {
    readonly vulnerabilities: Readonly<Record<'high' | 'critical', number>>;
  };
}

async function json<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

/** npm ends with a status above 0 both for findings and without a report, so its output decides. */
function npmAudit(...more: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('npm', ['audit', '--omit=dev', ...more], (_error, stdout) => {
      resolve(stdout);
    });
  });
}

function reportIn(output: string): AuditReport {
  try {
    return JSON.parse(output) as AuditReport;
  } catch {
    return {};
  }
}

const faults = faultsOf(
  await json<PackageFile>('package.json'),
  await json<Lockfile>('package-lock.json'),
);
for (const fault of faults) console.log(fault);
if (faults.length === 0) console.log('Every package is pinned and held to its content.');

const { message, metadata } = reportIn(await npmAudit('--json'));
if (metadata === undefined) {
  console.log(`NOT audited for known vulnerabilities: ${message ?? 'npm audit gave no report'}.`);
} else {
  const { high, critical } = metadata.vulnerabilities;
  const grave = high + critical;
  console.log(`Known vulnerabilities in production that are high or critical: ${grave}.`);
  if (grave > 0) console.log(await npmAudit());
  process.exitCode = grave > 0 ? 1 : 0;
}
if (faults.length > 0) process.exitCode = 1;
