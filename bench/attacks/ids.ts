// Whether time tells that an id is of another account: the same call with such an id and with one that nobody has, in turns.

import { request } from 'undici';
import { encodeId } from '../../src/core/identity.ts';
import { median, printTable, timed } from '../support/measure.ts';

const ROUNDS = 500;
const AIM_MS = 5;
const NOBODY = 999_999;

const calls = {
  account: '{ account(id: "ID") { name } }',
  resource: '{ resource(id: "ID") { name } }',
  node: '{ node(id: "ID") { id } }',
  undeploy: 'mutation { undeploy(id: "ID") { id } }',
} as const;

/** Prints the medians of both, for some root fields. @param other the number of an account that the key is not of */
export async function measureIds(origin: string, key: string, other: number): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const rows: (readonly (string | number)[])[] = [];
  for (const [name, query] of Object.entries(calls)) {
    const type = name === 'account' ? 'Account' : 'Workflow';
    const ids = [other, NOBODY].map((accountId) =>
      encodeId(type, accountId, type === 'Account' ? accountId : 1),
    );
    const taken = ids.map((): number[] => []);
    for (let round = 0; round < 2 * ROUNDS; round += 1) {
      const body = JSON.stringify({ query: query.replace('ID', ids[round % 2] ?? '') });
      const ms = await timed(async () => {
        const answer = await request(`${origin}/graphql`, { method: 'POST', headers, body });
        await answer.body.text();
      });
      taken[round % 2]?.push(ms);
    }
    const [theirs = Number.NaN, nobodys = Number.NaN] = taken.map(median);
    const apart = Math.abs(theirs - nobodys);
    rows.push([name, theirs, nobodys, apart, apart < AIM_MS ? 'met' : 'MISSED']);
  }
  printTable(
    `ids of another account and of nobody, medians of ${ROUNDS}; aim: less than ${AIM_MS} ms apart`,
    ['', "another's ms", "nobody's ms", 'apart ms', ''],
    rows,
  );
}
