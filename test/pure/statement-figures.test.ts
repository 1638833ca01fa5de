import { describe, expect, it } from '@jest/globals';
import { canonicalText } from '../../src/statements/canonical.ts';
import type { StatementDocument } from '../../src/statements/document.ts';
import { figureFaults } from '../../src/statements/figures.ts';
import { isSignedBy, keyIdOf } from '../../src/statements/signature.service.ts';

// 10 + 100 - 7.5 - 2 - 0.5 = 100, of which 100 remains in one lot. Hosting is 6 of the 7.5.
const RIGHT: StatementDocument = {
  type: 'billing-statement',
  version: 1,
  id: 'one',
  number: 2,
  issuer: 'Billing',
  account: { id: 'acme', externalId: 'acme', name: 'Acme', timeZone: 'UTC' },
  cycle: { number: 2, from: '2026-02-01T00:00:00.000Z', to: '2026-03-01T00:00:00.000Z' },
  issuedAt: '2026-03-01T00:00:01.000Z',
  credits: {
    opening: '10',
    allocated: '100',
    used: '7.5',
    expired: '2',
    adjusted: '-0.5',
    closing: '100',
  },
  used: {
    byCategory: [
      { category: 'MODELS', credits: '8.5' },
      { category: 'OCR', credits: '-1' },
    ],
    byComponent: [
      { component: 'HOSTING', credits: '6' },
      { component: 'PROCESSING', credits: '1.5' },
    ],
    byHardware: [{ hardware: 'gpu-a100-80gb', credits: '6' }],
    byResource: [
      { id: 'a', kind: 'MODEL_DEPLOYMENT', name: 'A', externalId: 'a', credits: '8.5' },
      { id: 'b', kind: 'OCR_DEPLOYMENT', name: 'B', externalId: 'b', credits: '-1' },
    ],
  },
  lots: [lot({ amount: '10', remaining: '0' }), lot({ amount: '100', remaining: '100' })],
  ledger: { firstSequence: 4, lastSequence: 9, lastHash: '00' },
  previousSha256: null,
};

function lot(of: { readonly amount: string; readonly remaining: string }) {
  return {
    allocationId: 'lot',
    source: 'PLAN',
    priority: 10,
    effectiveAt: '2026-02-01T00:00:00.000Z',
    expiresAt: null,
    ...of,
  } as const;
}

describe('the figures of a statement', () => {
  it('add up', () => {
    expect(figureFaults(RIGHT)).toEqual([]);
  });

  it('are refused where the equation does not hold', () => {
    const credits = { ...RIGHT.credits, expired: '2.000001' };

    expect(figureFaults({ ...RIGHT, credits })).toEqual([
      'opening + allocated - used - expired + adjusted comes to 99.999999, not 100.',
    ]);
  });

  it('are refused where a list does not add up', () => {
    const { used } = RIGHT;
    const lists = {
      byCategory: [{ category: 'MODELS', credits: '8' }],
      byComponent: [{ component: 'HOSTING', credits: '6' }],
      byHardware: [],
      byResource: [],
    };

    expect(figureFaults({ ...RIGHT, used: { ...used, ...lists } })).toEqual([
      'used.byCategory comes to 8, not 7.5.',
      'used.byComponent comes to 6, not 7.5.',
      'used.byResource comes to 0, not 7.5.',
      'used.byHardware comes to 0, not 6.',
    ]);
  });

  it('are refused where the lots hold other than what is left', () => {
    const lots = [lot({ amount: '100', remaining: '99' })];

    expect(figureFaults({ ...RIGHT, lots })).toEqual([
      'What remains of the lots comes to 99, not 100.',
    ]);
  });

  it('leave nothing in the lots while there is debt', () => {
    // 10 + 100 - 120 - 2 - 0.5 = -12.5
    const credits = { ...RIGHT.credits, used: '120', closing: '-12.5' };
    const used = {
      byCategory: [{ category: 'MODELS', credits: '120' }],
      byComponent: [{ component: 'PROCESSING', credits: '120' }],
      byHardware: [],
      byResource: [
        { id: 'a', kind: 'MODEL_DEPLOYMENT', name: 'A', externalId: 'a', credits: '120' },
      ],
    };

    expect(figureFaults({ ...RIGHT, credits, used, lots: [] })).toEqual([]);
    expect(figureFaults({ ...RIGHT, credits, used })).toEqual([
      'What remains of the lots comes to 100, not 0.',
    ]);
  });
});

describe('canonicalText', () => {
  // The order of names is that of the example in RFC 8785, section 3.2.3.
  it('writes names in the order of their UTF-16 code units, without blanks', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };

    expect(Object.values(JSON.parse(canonicalText(value)) as object)).toHaveLength(7);
    expect(canonicalText(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis",' +
        '"\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it('writes lists in their order, and texts as JavaScript does', () => {
    expect(canonicalText({ b: [3, null, true, { d: 1, c: '"\u000f\n/' }], a: '\u20ac$' })).toBe(
      '{"a":"\u20ac$","b":[3,null,true,{"c":"\\"\\u000f\\n/","d":1}]}',
    );
  });
});

describe('keys', () => {
  it('have the names and signatures of the standards', () => {
    // RFC 8037, appendix A.2 and A.3: the public key of RFC 8032, section 7.1, test 1, which signs an empty text there.
    const publicKey = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
    const signature = Buffer.from(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      'hex',
    ).toString('base64');

    expect(keyIdOf(publicKey)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
    expect(isSignedBy(publicKey, '', signature)).toBe(true);
    expect(isSignedBy(publicKey, ' ', signature)).toBe(false);
  });
});
