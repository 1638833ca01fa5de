/** What is said when a start has ended well. */
export interface Welcome {
  /** "http://127.0.0.1:4000" */
  readonly address: string;
  /** The operator's key, at the start that made it; it is nowhere kept. */
  readonly operatorSecret: string | null;
  readonly demoKey: string | null;
}

const QUERY =
  '{ account { name usage(range: { preset: CURRENT_CYCLE }) { credits { used allocated percentUsed byCategory { category credits percent } } } } }';

/** The screen that a start ends with: where the API is, a key, and one query to paste. */
export function welcome({ address, operatorSecret, demoKey }: Welcome): string {
  const key = demoKey ?? operatorSecret;
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
  if (operatorSecret !== null) lines.push(`  Operator key (shown once) ${operatorSecret}`);
  if (demoKey !== null) lines.push(`  Demo account's key        ${demoKey}`);
  if (key !== null) {
    lines.push('', 'Try:', '');
    lines.push(`  curl -s ${address}/graphql -H 'content-type: application/json' \\`);
    lines.push(`    -H 'authorization: Bearer ${key}' \\`);
    lines.push(
      `    -d '${JSON.stringify({ query: demoKey === null ? '{ accounts { totalCount } }' : QUERY })}'`,
      '',
    );
  }
  return `${lines.join('\n')}\n`;
}
