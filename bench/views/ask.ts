import { type Agent, request } from 'undici';
import { invariant } from '../../src/core/errors.ts';
import { type BenchGateway, OPERATOR_KEY } from '../support/gateway.ts';

/** Asks a gateway by GraphQL. @returns the answer's text @throws unless it is answered without errors */
export async function askOverHttp(
  gateway: Pick<BenchGateway, 'origin'>,
  agent: Agent,
  body: string,
): Promise<string> {
  const response = await request(`${gateway.origin}/graphql`, {
    dispatcher: agent,
    headersTimeout: 20_000,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_KEY}` },
    body,
  });
  const answer = await response.body.text();
  invariant(response.statusCode === 200 && !answer.includes('"errors"'), answer.slice(0, 500));
  return answer;
}
