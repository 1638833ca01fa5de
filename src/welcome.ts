import { keyLines, type MadeKeys } from './made-keys.ts';

/** What a successful start prints. */
export interface Welcome {
  /** "http://127.0.0.1:4000" */
  readonly address: string;
  readonly keys: MadeKeys;
  /** The file that has the keys; null: they are printed. */
  readonly keysFile: string | null;
  /** What a person opens first, such as "/usage#token=…". */
  readonly usagePath: string;
}

const QUERY =
  '{ account { name usage(range: { preset: CURRENT_CYCLE }) { credits { used allocated percentUsed byCategory { category credits percent } } } } }';

/** The last output of a start: the API's address, the keys or where they are, and one query to paste. */
export function welcome({ address, keys, keysFile, usagePath }: Welcome): string {
  const lines = [
    '',
    `Listening on ${address}`,
    '',
    `  Usage       ${address}${usagePath}`,
    `  GraphQL     ${address}/graphql`,
    `  Explorer    ${address}/graphiql`,
    `  CloudEvents ${address}/v1/events`,
    `  Health      ${address}/health/ready`,
    '',
  ];
  const made = keyLines(keys);
  const [first] = made;
  if (first !== undefined) {
    const key = keysFile === null ? first.split(' ', 1)[0] : '$KEY';
    const query = keys.demo.length > 0 ? QUERY : '{ accounts { totalCount } }';
    if (keysFile === null) {
      lines.push('  Keys, shown once', ...made.map((line) => `    ${line}`), '', 'Try:', '');
    } else {
      lines.push(`  The keys are in ${keysFile}, since this is no terminal. Keep them elsewhere.`);
      lines.push('', 'Try:', '', `  KEY=$(head -1 '${keysFile}' | cut -d' ' -f1)`);
    }
    lines.push(`  curl -s ${address}/graphql -H 'content-type: application/json' \\`);
    lines.push(`    -H "authorization: Bearer ${key}" \\`);
    lines.push(`    -d '${JSON.stringify({ query })}'`, '');
  }
  return `${lines.join('\n')}\n`;
}
