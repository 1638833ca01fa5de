import { describe, expect, it } from '@jest/globals';
import { groupedMicro, readableMicro } from '../../src/core/micro.ts';

describe('figures for people', () => {
  // Micro-units; exact with thousands apart; rounded to two decimals, half away from zero.
  it.each([
    [0n, '0', '0'],
    [50_670_090n, '50.67009', '50.67'],
    [91_666_667n, '91.666667', '91.67'],
    [5_000n, '0.005', '0.01'],
    [-5_000n, '-0.005', '-0.01'],
    [1_004_999n, '1.004999', '1'],
    [1_500_000n, '1.5', '1.5'],
    [999_995_000n, '999.995', '1,000'],
    [999_000_000n, '999', '999'],
    [1_000_000_000n, '1,000', '1,000'],
    [-12_345_288_000n, '-12,345.288', '-12,345.29'],
    [1_234_567_890_123_456n, '1,234,567,890.123456', '1,234,567,890.12'],
    // What is left is not nothing, and a debt is not none.
    [16n, '0.000016', '0.000016'],
    [-4_999n, '-0.004999', '-0.004999'],
  ])('%s micro-units are %s, or %s', (micro, exact, readable) => {
    expect(groupedMicro(micro)).toBe(exact);
    expect(readableMicro(micro)).toBe(readable);
  });
});
