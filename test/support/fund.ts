import type { TestGateway } from './gateway.ts';

/** Gives an account credits enough for anything that a test deploys. */
export async function fund(
  gateway: Pick<TestGateway, 'query'>,
  accountId: string,
  amount = '1000000',
): Promise<void> {
  const { errors } = await gateway.query(
    `mutation ($input: AllocateInput!) { allocate(input: $input) { id } }`,
    { input: { accountId, amount, idempotencyKey: 'fund' } },
  );
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
}
