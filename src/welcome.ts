/** What a successful start prints. */
export interface Welcome {
  /** "http://127.0.0.1:4000" */
  readonly address: string;
  /** The operator's key, if this start made it; it is not stored. */
  readonly operatorSecret: string | null;
  /** The demo accounts that this start made, with their keys. */
  readonly demo: readonly DemoKey[];
}

interface DemoKey {
  readonly name: string;
  readonly shows: string;
  readonly key: string;
}

const QUERY =
  '{ account { name usage(range: { preset: CURRENT_CYCLE }) { credits { used allocated percentUsed byCategory { category credits percent } } } } }';

/** The last output of a start: the API's address, a key, and one query to paste. */
export function welcome({ address, operatorSecret, demo }: Welcome): string {
  const [first] = demo;
  const key = first?.key ?? operatorSecret;
  const lines = [
    '',
    `Listening on ${address}`,
    '',
    `  GraphQL     ${address}/graphql`,
    `  Explorer    ${address}/graphiql`,
    `  CloudEvents ${address}/v1/events`,
    `  Health      ${address}/health/ready`,
    '',
  ];
  if (operatorSecret !== null) lines.push('  Operator key, shown once', `    ${operatorSecret}`);
  if (demo.length > 0) lines.push('  Keys of the demo accounts, shown once');
  for (const { name, shows, key: secret } of demo) lines.push(`    ${secret}  ${name}: ${shows}`);
  if (key !== null) {
    lines.push('', 'Try:', '');
    lines.push(`  curl -s ${address}/graphql -H 'content-type: application/json' \\`);
    lines.push(`    -H 'authorization: Bearer ${key}' \\`);
    lines.push(
      `    -d '${JSON.stringify({ query: first === undefined ? '{ accounts { totalCount } }' : QUERY })}'`,
      '',
    );
  }
  return `${lines.join('\n')}\n`;
}
