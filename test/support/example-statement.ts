// A statement whose figures were worked out by hand, for what prints statements.

import type { SignedStatement, StatementDocument } from '../../src/statements/document.ts';
import type { StoredStatement } from '../../src/statements/statement.ts';

const sha = (digit: string): string => digit.repeat(64);

/** -12.5 + 1234567.25 - 1000.000001 - 75 + 0.5 = 1233480.249999; used: 600.000001 + 299.5 + 100.5 = 1000.000001 */
export const EXAMPLE_DOCUMENT: StatementDocument = {
  type: 'billing-statement',
  version: 1,
  id: 'U3RhdGVtZW50LjcuMw',
  number: 3,
  issuer: 'Nimbus & Co',
  account: {
    id: 'QWNjb3VudC43',
    externalId: 'acme',
    name: 'Søhne & <b>Töchter</b>',
    timeZone: 'Europe/Berlin',
  },
  // March of Berlin: the clock is put forward on the 29th.
  cycle: { number: 3, from: '2026-02-28T23:00:00.000Z', to: '2026-03-31T22:00:00.000Z' },
  issuedAt: '2026-03-31T22:00:01.250Z',
  credits: {
    opening: '-12.5',
    allocated: '1234567.25',
    used: '1000.000001',
    expired: '75',
    adjusted: '0.5',
    closing: '1233480.249999',
  },
  used: {
    byCategory: [
      { category: 'GUARDRAILS', credits: '100.5' },
      { category: 'MODELS', credits: '899.500001' },
    ],
    byComponent: [
      { component: 'HOSTING', credits: '600.000001' },
      { component: 'PROCESSING', credits: '400' },
    ],
    byHardware: [{ hardware: 'gpu-a100-80gb', credits: '600.000001' }],
    byResource: [
      {
        id: 'UmVzb3VyY2UuNy4x',
        kind: 'MODEL_DEPLOYMENT',
        name: 'Классификация',
        externalId: 'dep-1',
        credits: '899.500001',
      },
      {
        id: 'UmVzb3VyY2UuNy4y',
        kind: 'GUARDRAIL',
        name: 'PII "strict"',
        externalId: 'guard-1',
        credits: '101.5',
      },
      // More was given back in this cycle than charged.
      {
        id: 'UmVzb3VyY2UuNy4z',
        kind: 'GUARDRAIL',
        name: 'Ανάλυση',
        externalId: 'guard-2',
        credits: '-1',
      },
    ],
  },
  lots: [
    {
      allocationId: 'QWxsb2NhdGlvbi43LjE',
      source: 'PROMOTION',
      amount: '75',
      remaining: '0',
      priority: 10,
      effectiveAt: '2026-01-15T10:00:00.000Z',
      expiresAt: '2026-03-15T23:00:00.000Z',
    },
    {
      allocationId: 'QWxsb2NhdGlvbi43LjI',
      source: 'PLAN',
      amount: '1234567.25',
      remaining: '1233480.249999',
      priority: 50,
      effectiveAt: '2026-02-28T23:00:00.000Z',
      expiresAt: null,
    },
  ],
  ledger: { firstSequence: 118, lastSequence: 4203, lastHash: sha('a') },
  previousSha256: sha('b'),
};

/** The statement of a document; what proves it is made up. */
export function signed(document: StatementDocument = EXAMPLE_DOCUMENT): SignedStatement {
  return { document, sha256: sha('c'), keyId: '2026-03', signature: `${'A1+/'.repeat(21)}A1==` };
}

/** A statement as it is stored. */
export function stored(document: StatementDocument): StoredStatement {
  const { sha256, keyId, signature } = signed(document);
  const { lastSequence, lastHash } = document.ledger;
  return {
    accountId: 7,
    number: document.number,
    ...{ sha256, keyId, signature, lastSequence, lastHash },
    issuedAtMs: Date.parse(document.issuedAt),
    previousSha256: document.previousSha256,
    text: JSON.stringify(document),
  };
}

/** A cycle in which nothing happened, of an account's first statement. */
export const EMPTY_DOCUMENT: StatementDocument = {
  ...EXAMPLE_DOCUMENT,
  number: 1,
  cycle: { ...EXAMPLE_DOCUMENT.cycle, number: 1 },
  credits: { opening: '0', allocated: '0', used: '0', expired: '0', adjusted: '0', closing: '0' },
  used: { byCategory: [], byComponent: [], byHardware: [], byResource: [] },
  lots: [],
  ledger: { firstSequence: 1, lastSequence: 1, lastHash: sha('a') },
  previousSha256: null,
};
