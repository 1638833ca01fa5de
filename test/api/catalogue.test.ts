import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isoInstant } from '../../src/core/range.ts';
import { createAccount, createKey } from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  CreateHardwareProfileDocument,
  HardwareProfilesDocument,
  SetHardwareRateDocument,
  type CreateHardwareProfileInput,
  type CreateHardwareProfileMutation,
} from '@billing-gateway/client/operations';

type Profile = CreateHardwareProfileMutation['createHardwareProfile'];

describe('the hardware catalogue', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway();
  });

  afterAll(async () => {
    await gateway.close();
  });

  function aBody(input: Partial<CreateHardwareProfileInput> = {}): CreateHardwareProfileInput {
    return {
      name: 'gpu-a100-80gb',
      kind: 'GPU',
      model: 'A100 80GB',
      vcpus: 12,
      gpus: 1,
      memoryGb: 80,
      creditsPerHour: '3.6',
      ...input,
    };
  }

  async function aProfile(input: Partial<CreateHardwareProfileInput>): Promise<Profile> {
    const made = await gateway.query(CreateHardwareProfileDocument, { input: aBody(input) });
    if (made.errors !== undefined) throw new Error(JSON.stringify(made.errors));
    return made.data.createHardwareProfile;
  }

  it('creates a profile whose first rate is in force since 1970', async () => {
    expect(await aProfile({ name: 'cpu-4-16', kind: 'CPU', gpus: null })).toMatchObject({
      name: 'cpu-4-16',
      kind: 'CPU',
      gpus: 0,
      memoryGb: 80,
      creditsPerHour: '3.6',
      rates: [
        { creditsPerHour: '3.6', effectiveFrom: '1970-01-01T00:00:00.000Z', effectiveTo: null },
      ],
    });
  });

  it('answers the same body with the first profile and another with CONFLICT', async () => {
    const first = await aProfile({ name: 'same' });
    const again = await aProfile({ name: 'same' });
    const other = await gateway.query(CreateHardwareProfileDocument, {
      input: aBody({ name: 'same', creditsPerHour: '3.7' }),
    });

    expect(again).toEqual(first);
    expect(other.errors?.[0]).toMatchObject({
      message: 'A hardware profile named "same" exists and was created with other values.',
      extensions: { code: 'CONFLICT' },
    });
  });

  it('makes one profile of two calls at once', async () => {
    const [one, two] = await Promise.all([aProfile({ name: 'race' }), aProfile({ name: 'race' })]);

    expect(one).toEqual(two);
  });

  it('shows the first rate where it is still to come', async () => {
    const effectiveFrom = isoInstant(gateway.clock.nowMs() + 86_400_000);

    expect(await aProfile({ name: 'soon', effectiveFrom })).toMatchObject({
      creditsPerHour: '3.6',
      rates: [{ effectiveFrom, effectiveTo: null }],
    });
  });

  it('changes the rate at its own instant, a minute from now by default', async () => {
    await aProfile({ name: 'changing' });
    const changesAtMs = gateway.clock.nowMs() + 60_000;

    const set = await gateway.query(SetHardwareRateDocument, {
      input: { hardware: 'changing', creditsPerHour: '4' },
    });
    gateway.clock.moveTo(changesAtMs - 1);
    const before = await rateOf('changing');
    gateway.clock.moveTo(changesAtMs);

    expect(before).toBe('3.6');
    expect(await rateOf('changing')).toBe('4');
    expect(set.data.setHardwareRate.rates).toEqual([
      {
        creditsPerHour: '3.6',
        effectiveFrom: '1970-01-01T00:00:00.000Z',
        effectiveTo: isoInstant(changesAtMs),
      },
      { creditsPerHour: '4', effectiveFrom: isoInstant(changesAtMs), effectiveTo: null },
    ]);
  });

  it('replaces a rate that is still to come by a second one for its instant', async () => {
    await aProfile({ name: 'twice' });
    const effectiveFrom = isoInstant(gateway.clock.nowMs() + 10_000);
    const set = (creditsPerHour: string): Promise<unknown> =>
      gateway.query(SetHardwareRateDocument, {
        input: { hardware: 'twice', creditsPerHour, effectiveFrom },
      });

    await set('4');
    await set('5');
    gateway.clock.moveBy(10_000);

    expect(await rateOf('twice')).toBe('5');
  });

  it('sets no rate less than ten seconds ahead, so none that is in force changes', async () => {
    await aProfile({ name: 'firm' });
    const nowMs = gateway.clock.nowMs();

    for (const effectiveFromMs of [0, nowMs, nowMs + 9_999]) {
      const refused = await gateway.query(SetHardwareRateDocument, {
        input: {
          hardware: 'firm',
          creditsPerHour: '4',
          effectiveFrom: isoInstant(effectiveFromMs),
        },
      });
      expect(refused.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    }
    expect(await rateOf('firm')).toBe('3.6');
  });

  it('says which profile does not exist', async () => {
    const refused = await gateway.query(SetHardwareRateDocument, {
      input: { hardware: 'gpu-b200', creditsPerHour: '4' },
    });

    expect(refused.errors?.[0]).toMatchObject({
      message: 'No hardware profile is named "gpu-b200".',
      extensions: { code: 'NOT_FOUND' },
    });
  });

  it('is read by any key that reads usage and priced by operators alone', async () => {
    const accountId = await createAccount(gateway);
    const scopes = ['READ_USAGE', 'INGEST', 'MANAGE'] as const;
    const { secret: key } = await createKey(gateway, accountId, scopes);
    await aProfile({ name: 'priced' });

    const read = await gateway.query(HardwareProfilesDocument, {}, key);
    const created = await gateway.query(CreateHardwareProfileDocument, { input: aBody() }, key);
    const set = await gateway.query(
      SetHardwareRateDocument,
      { input: { hardware: 'priced', creditsPerHour: '0' } },
      key,
    );

    const names = read.data.hardwareProfiles.map((profile) => profile.name);
    expect(names).toContain('priced');
    expect(names).toEqual([...names].sort());
    expect(created.errors?.[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(set.errors?.[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
  });

  async function rateOf(name: string): Promise<string | undefined> {
    const { data } = await gateway.query(HardwareProfilesDocument, {});
    return data.hardwareProfiles.find((profile) => profile.name === name)?.creditsPerHour;
  }
});
