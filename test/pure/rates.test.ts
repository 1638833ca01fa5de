import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  hardwareNamed,
  parseNewHardware,
  parseNewRate,
  rateAt,
  ratesOf,
  type CreateHardwareProfileRequest,
  type HardwareProfile,
  type HardwareRate,
} from '../../src/catalogue/rates.ts';

const NOW_MS = Date.parse('2026-03-10T12:00:00Z');
const NEVER_MS = 8_640_000_000_000_000;

function aRate(rate: Partial<HardwareRate>): HardwareRate {
  return { hardwareId: 1, fromMs: 0, rateMicroPerHour: 1_000_000n, ...rate };
}

function aRequest(
  request: Partial<CreateHardwareProfileRequest> = {},
): CreateHardwareProfileRequest {
  return {
    name: 'gpu-a100-80gb',
    kind: 'GPU',
    model: 'A100 80GB',
    vcpus: 12,
    gpus: 1,
    memoryGb: 80,
    creditsPerHour: '3.6',
    ...request,
  };
}

describe('rateAt', () => {
  const rates = [
    aRate({ fromMs: 2_000, rateMicroPerHour: 20n }),
    aRate({ fromMs: 1_000, rateMicroPerHour: 10n }),
    aRate({ hardwareId: 2, fromMs: 0, rateMicroPerHour: 99n }),
  ];

  it('gives the rate that began last, from its own millisecond on', () => {
    expect(rateAt(rates, 1, 1_000)).toBe(10n);
    expect(rateAt(rates, 1, 1_999)).toBe(10n);
    expect(rateAt(rates, 1, 2_000)).toBe(20n);
  });

  it('gives null before the first rate and for hardware without one', () => {
    expect(rateAt(rates, 1, 999)).toBeNull();
    expect(rateAt(rates, 3, 5_000)).toBeNull();
  });

  it('agrees with walking through the rates in order of time', () => {
    const anyRates = fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 8 });
    fc.assert(
      fc.property(anyRates, fc.integer({ min: -5, max: 60 }), (starts, atMs) => {
        const shuffled = starts.map((fromMs) =>
          aRate({ fromMs, rateMicroPerHour: BigInt(fromMs) }),
        );

        let walked: bigint | null = null;
        for (let instantMs = 0; instantMs <= atMs; instantMs += 1) {
          if (starts.includes(instantMs)) walked = BigInt(instantMs);
        }

        expect(rateAt(shuffled, 1, atMs)).toBe(walked);
      }),
    );
  });
});

describe('ratesOf', () => {
  it('lists the rates of one profile, earliest first', () => {
    const rates = [aRate({ fromMs: 5 }), aRate({ hardwareId: 2, fromMs: 1 }), aRate({ fromMs: 3 })];

    expect(ratesOf(rates, 1).map((rate) => rate.fromMs)).toEqual([3, 5]);
  });
});

describe('hardwareNamed', () => {
  it('names the profile that does not exist', () => {
    const known: HardwareProfile = {
      hardwareId: 1,
      name: 'cpu-4-16',
      kind: 'CPU',
      model: 'EPYC',
      vcpus: 4,
      gpus: 0,
      memoryGb: 16,
      createdAtMs: 0,
    };

    expect(hardwareNamed([known], 'cpu-4-16', ['input', 'hardware'])).toBe(known);
    expect(() => hardwareNamed([known], 'CPU-4-16', ['input', 'hardware'])).toThrow(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: 'No hardware profile is named "CPU-4-16".',
        argumentPath: ['input', 'hardware'],
      }),
    );
  });
});

describe('parseNewHardware', () => {
  it('lets the first rate take effect in 1970 and gives no GPUs when they are left out', () => {
    const { creditsPerHour, ...rest } = aRequest();
    const parsed = parseNewHardware({ ...rest, creditsPerHour, gpus: null }, NOW_MS);

    expect(parsed.profile).toMatchObject({ gpus: 0, createdAtMs: NOW_MS });
    expect(parsed.firstRate).toEqual({ fromMs: 0, rateMicroPerHour: 3_600_000n });
  });

  it.each([
    [{ creditsPerHour: '0' }],
    [{ creditsPerHour: '1000000' }],
    [{ creditsPerHour: '0.000001' }],
    [{ vcpus: 0 }],
    [{ vcpus: 4_096 }],
    [{ gpus: 1_024 }],
    [{ memoryGb: 1_000_000 }],
    [{ memoryGb: 0.5 }],
    [{ name: 'x'.repeat(255) }],
    [{ effectiveFrom: NOW_MS - 1 }],
  ])('takes %j', (edge) => {
    expect(parseNewHardware(aRequest(edge), NOW_MS).profile.kind).toBe('GPU');
  });

  it.each([
    ['creditsPerHour', { creditsPerHour: '-0.000001' }],
    ['creditsPerHour', { creditsPerHour: '1000000.000001' }],
    ['creditsPerHour', { creditsPerHour: '1.0000001' }],
    ['creditsPerHour', { creditsPerHour: 'NaN' }],
    ['vcpus', { vcpus: -1 }],
    ['vcpus', { vcpus: 4_097 }],
    ['gpus', { gpus: -1 }],
    ['gpus', { gpus: 1_025 }],
    ['memoryGb', { memoryGb: 0 }],
    ['memoryGb', { memoryGb: Number.NaN }],
    ['memoryGb', { memoryGb: 1_000_001 }],
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(256) }],
    ['name', { name: '\ud800' }],
    ['model', { model: 'a\0b' }],
  ])('refuses a %s like in %j, naming the field', (field, edge) => {
    expect(() => parseNewHardware(aRequest(edge), NOW_MS)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', argumentPath: ['input', field] }),
    );
  });
});

describe('parseNewRate', () => {
  const request = { hardware: 'gpu-a100-80gb', creditsPerHour: '4' };

  it('takes effect a minute from now by default', () => {
    expect(parseNewRate(request, NOW_MS)).toEqual({
      fromMs: NOW_MS + 60_000,
      rateMicroPerHour: 4_000_000n,
    });
  });

  it('takes effect ten seconds from now at the earliest', () => {
    const early = { ...request, effectiveFrom: NOW_MS + 9_999 };

    expect(parseNewRate({ ...early, effectiveFrom: NOW_MS + 10_000 }, NOW_MS).fromMs).toBe(
      NOW_MS + 10_000,
    );
    expect(parseNewRate({ ...early, effectiveFrom: NEVER_MS }, NOW_MS).fromMs).toBe(NEVER_MS);
    expect(() => parseNewRate(early, NOW_MS)).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        argumentPath: ['input', 'effectiveFrom'],
        message:
          'effectiveFrom is 2026-03-10T12:00:09.999Z; a rate takes effect at least 10 seconds from now, not before 2026-03-10T12:00:10.000Z.',
      }),
    );
  });
});
