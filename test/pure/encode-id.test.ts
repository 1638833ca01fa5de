import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeId, nodeTypes } from '../../src/core/identity.ts';

it('writes an id as base64url of type, account and number', () => {
  // By hand: printf Workflow.7.42 | base64
  expect(encodeId('Workflow', 7, 42)).toBe('V29ya2Zsb3cuNy40Mg');
  expect(encodeId('HardwareProfile', null, 1)).toBe('SGFyZHdhcmVQcm9maWxlLjAuMQ');
});

it('does so for every type, account and number, in any order', () => {
  const numbers = fc.oneof(fc.nat({ max: 1_200 }), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
  // Few accounts, so that some come again.
  const accounts = fc.oneof(fc.nat({ max: 3 }), fc.nat(), fc.constant(null));
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(nodeTypes)),
      accounts,
      numbers,
      (type, accountId, localId) => {
        const id = encodeId(type, accountId, localId);
        const plain = `${type}.${accountId ?? 0}.${localId}`;
        expect(id).toBe(Buffer.from(plain).toString('base64url'));
      },
    ),
    { numRuns: 3_000 },
  );
});
