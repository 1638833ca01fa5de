import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeId } from '../../src/core/identity.ts';
import type { Tx } from '../../src/db/database.ts';
import { chargedMicro, type HostingSegment } from '../../src/hosting/charge.ts';
import {
  findRecordedHosting,
  insertSegments,
  loadOverlapping,
  type NewSegment,
  voidSegmentsOfEvent,
} from '../../src/hosting/hosting.store.ts';
import {
  raiseRecordedHosting,
  type ResourceAddress,
  setRecordedHosting,
} from '../../src/resources/resources.store.ts';
import {
  ask,
  createAccount,
  createHardware,
  fund,
  register,
  registerGuardrail,
} from '../support/account.ts';
import { startTestGateway } from '../support/gateway.ts';
import { SetHardwareRateDocument } from '@billing-gateway/client/operations';
import { at } from '../support/paths.ts';

const NOON_MS = Date.parse('2026-03-10T12:00:00.000Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ALL = { fromMs: 0, toMs: NOON_MS + 1_000 * HOUR_MS };

const FIELDS = `id status lastActiveOn ... on HostedResource { lastDeployedOn endpointUrl failureMessage
  hosting { hardware { name } replicas since creditsPerHour } }`;
const DEPLOY = `mutation ($input: DeployInput!) { deploy(input: $input) { ${FIELDS} } }`;
const SCALE = `mutation ($input: ScaleInput!) { scale(input: $input) { ${FIELDS} } }`;

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let accountId = '';
let id = '';
let made = 0;

async function deploy(values: object = {}): Promise<unknown> {
  const input = { id, hardware: 'gpu-a100', replicas: 2, ...values };
  return gateway.query(DEPLOY, { input });
}

async function scale(values: object): Promise<unknown> {
  return gateway.query(SCALE, { input: { id, ...values } });
}

/** One of the calls that take an id and an instant. */
async function call(mutation: string, atInstant: string | null = null, of = id): Promise<unknown> {
  return gateway.query(
    `mutation ($id: ID!, $at: DateTime) { ${mutation}(id: $id, at: $at) { ${FIELDS} } }`,
    { id: of, at: atInstant },
  );
}

async function fail(message: string): Promise<unknown> {
  return gateway.query(
    `mutation ($id: ID!, $message: String!) { deploymentFailed(id: $id, message: $message) { ${FIELDS} } }`,
    { id, message },
  );
}

async function shown(): Promise<unknown> {
  const answer = await gateway.query(`query ($id: ID!) { resource(id: $id) { ${FIELDS} } }`, {
    id,
  });
  return at(answer, 'data', 'resource');
}

function address(): ResourceAddress {
  const ref = decodeId(id);
  return { accountId: ref?.accountId ?? 0, resourceId: ref?.localId ?? 0 };
}

async function write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return gateway.database.inTransaction(address(), work);
}

async function segments(): Promise<readonly HostingSegment[]> {
  const { accountId: account, resourceId } = address();
  return gateway.database.inSnapshot({ accountId: account }, (tx) =>
    loadOverlapping(tx, account, [resourceId], ALL),
  );
}

/** From and to in minutes after noon, replicas, credits an hour of one replica. */
async function outline(): Promise<unknown[][]> {
  const minutes = (ms: number): number => (ms - NOON_MS) / MINUTE_MS;
  return (await segments()).map((segment) => [
    minutes(segment.fromMs),
    segment.toMs === null ? null : minutes(segment.toMs),
    segment.replicas,
    Number(segment.rateMicroPerHour) / 1_000_000,
  ]);
}

let segmentId = 1_000_000;

function aPeriod(values: Partial<HostingSegment> = {}): NewSegment {
  segmentId += 1;
  return {
    ...address(),
    segmentId,
    hardwareId: 1,
    replicas: 1,
    rateMicroPerHour: 1_000_000n,
    fromMs: NOON_MS - 2 * HOUR_MS,
    toMs: NOON_MS - HOUR_MS,
    eventSeq: 1,
    ...values,
  };
}

beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.clock.moveTo(NOON_MS);
  await createHardware(gateway, 'gpu-a100', '3.6');
  await createHardware(gateway, 'cpu-4', '0.5');
  await createHardware(gateway, 'gpu-new', '9', {
    effectiveFrom: '2026-03-10T11:00:00.000Z',
  });
});

afterAll(async () => {
  await gateway.close();
});

beforeEach(async () => {
  gateway.clock.moveTo(NOON_MS);
  made += 1;
  // An account's now never goes back, so each test has one of its own.
  accountId = await createAccount(gateway, { createdAt: '2025-01-01T00:00:00Z' });
  await fund(gateway, accountId);
  id = await registerGuardrail(gateway, accountId, `guardrail-${made}`);
});

describe('hosting', () => {
  it('begins with deploy, changes with scale and ends with undeploy, at the instants told', async () => {
    const deployed = await deploy({
      at: '2026-03-10T10:00:00.000Z',
      endpointUrl: 'https://guard.example/v1',
    });
    const scaled = await scale({ replicas: 3, at: '2026-03-10T11:00:00.000Z' });
    const ended = await call('undeploy', '2026-03-10T11:30:00.000Z');

    expect(at(deployed, 'data', 'deploy')).toEqual({
      id,
      status: 'DEPLOYED',
      // It runs now.
      lastActiveOn: '2026-03-10T12:00:00.000Z',
      lastDeployedOn: '2026-03-10T10:00:00.000Z',
      endpointUrl: 'https://guard.example/v1',
      failureMessage: null,
      // 2 x 3.6 credits an hour.
      hosting: {
        hardware: { name: 'gpu-a100' },
        replicas: 2,
        since: '2026-03-10T10:00:00.000Z',
        creditsPerHour: '7.2',
      },
    });
    expect(at(scaled, 'data', 'scale', 'hosting')).toMatchObject({
      replicas: 3,
      since: '2026-03-10T11:00:00.000Z',
      creditsPerHour: '10.8',
    });
    expect(at(ended, 'data', 'undeploy')).toMatchObject({ status: 'UNDEPLOYED', hosting: null });
    expect(await outline()).toEqual([
      [-120, -60, 2, 3.6],
      [-60, -30, 3, 3.6],
    ]);
    // 2 x 3.6 x 1 h + 3 x 3.6 x 0.5 h = 12.6 credits.
    const charges = (await segments()).map((segment) => chargedMicro(segment, NOON_MS));
    expect(charges.reduce((sum, charge) => sum + charge, 0n)).toBe(12_600_000n);
  });

  it('of a request begins when it is ready', async () => {
    const asked = await deploy({ ready: false });
    gateway.clock.moveBy(10 * MINUTE_MS);
    const again = await deploy({ ready: false });
    const ready = await call('deploymentReady');

    expect(at(asked, 'data', 'deploy')).toMatchObject({ status: 'DEPLOYING', hosting: null });
    expect(at(again, 'data', 'deploy')).toEqual(at(asked, 'data', 'deploy'));
    expect(at(ready, 'data', 'deploymentReady')).toMatchObject({
      status: 'DEPLOYED',
      hosting: { replicas: 2 },
    });
    expect(await outline()).toEqual([[10, null, 2, 3.6]]);
  });

  it('ends with a failure, and deploying again forgets why', async () => {
    await deploy();
    gateway.clock.moveBy(MINUTE_MS);
    const failed = await fail('Out of memory.');
    gateway.clock.moveBy(MINUTE_MS);
    const again = await deploy();

    expect(at(failed, 'data', 'deploymentFailed')).toMatchObject({
      status: 'FAILED',
      failureMessage: 'Out of memory.',
      hosting: null,
    });
    expect(at(again, 'data', 'deploy')).toMatchObject({ status: 'DEPLOYED', failureMessage: null });
    expect(await outline()).toEqual([
      [0, 1, 2, 3.6],
      [2, null, 2, 3.6],
    ]);
  });

  it('is closed as one segment for each rate, and shows the rate in force', async () => {
    await createHardware(gateway, `gpu-${made}`, '1');
    await deploy({ hardware: `gpu-${made}` });
    for (const [creditsPerHour, effectiveFrom] of [
      ['2', '2026-03-10T12:30:00.000Z'],
      ['3', '2026-03-10T13:30:00.000Z'],
    ] as const) {
      await ask(gateway, SetHardwareRateDocument, {
        input: { hardware: `gpu-${made}`, creditsPerHour, effectiveFrom },
      });
    }
    gateway.clock.moveTo(NOON_MS + HOUR_MS);
    const running = await shown();
    await call('undeploy');

    // 2 replicas at 2 credits an hour since 12:30; deployed at 12:00.
    expect(at(running, 'hosting')).toMatchObject({
      since: '2026-03-10T12:00:00.000Z',
      creditsPerHour: '4',
    });
    expect(await outline()).toEqual([
      [0, 30, 2, 1],
      [30, 60, 2, 2],
    ]);
  });

  it('of no length is not kept', async () => {
    await deploy();
    await scale({ replicas: 5 });
    await scale({ hardware: 'cpu-4' });

    expect(await outline()).toEqual([[0, null, 5, 0.5]]);
    await call('undeploy');
    expect(await outline()).toEqual([]);
    expect(await shown()).toMatchObject({ status: 'UNDEPLOYED', hosting: null });
  });

  it('ends when the resource is deleted, and the row stays', async () => {
    await deploy();
    gateway.clock.moveBy(MINUTE_MS);
    const deleted = await call('deleteResource');
    gateway.clock.moveBy(MINUTE_MS);
    const again = await call('deleteResource');
    const other = await call('undeploy');

    expect(at(deleted, 'data', 'deleteResource')).toMatchObject({
      status: 'DELETED',
      hosting: null,
    });
    expect(at(again, 'data', 'deleteResource')).toEqual(at(deleted, 'data', 'deleteResource'));
    expect(at(other, 'errors', 0)).toMatchObject({
      message: 'The resource was deleted at 2026-03-10T12:01:00.000Z.',
      extensions: { code: 'CONFLICT' },
    });
    expect(await outline()).toEqual([[0, 1, 2, 3.6]]);
  });
});

describe('an endpoint URL', () => {
  it.each([
    ['https://x.example/\r\nX: y', 'https://x.example/X:%20y'],
    ['  HTTPS://X.Example/ü ', 'https://x.example/%C3%BC'],
  ])('%j is kept as %s, on one line', async (endpointUrl, kept) => {
    const deployed = await deploy({ endpointUrl });

    expect(at(deployed, 'data', 'deploy', 'endpointUrl')).toBe(kept);
  });

  it('is refused when it is too long to be kept', async () => {
    const answer = await deploy({ endpointUrl: `https://x.example/${'ü'.repeat(1_000)}` });

    expect(at(answer, 'errors', 0)).toMatchObject({
      message: 'endpointUrl is 6018 characters long; at most 2048 are kept.',
      extensions: { code: 'BAD_USER_INPUT', path: ['input', 'endpointUrl'] },
    });
  });
});

describe('a call that is sent again', () => {
  it('returns the resource unchanged, whatever its instant', async () => {
    const first = await deploy({ at: '2026-03-10T11:00:00.000Z' });
    const again = await deploy({
      at: '2026-03-10T10:00:00.000Z',
      endpointUrl: 'https://x.example',
    });
    const ahead = await deploy({ at: '2030-01-01T00:00:00.000Z' });

    expect(at(again, 'data', 'deploy')).toEqual(at(first, 'data', 'deploy'));
    expect(at(ahead, 'data', 'deploy')).toEqual(at(first, 'data', 'deploy'));
    expect(await outline()).toEqual([[-60, null, 2, 3.6]]);
  });

  it('wins once when two are under way', async () => {
    const answers = await Promise.all([deploy({ replicas: 2 }), deploy({ replicas: 3 })]);

    const codes = answers.map((answer) => at(answer, 'errors', 0, 'extensions', 'code') ?? null);
    expect(codes.sort()).toEqual(['CONFLICT', null]);
    expect(await segments()).toHaveLength(1);
  });
});

describe('a call without an instant', () => {
  it('follows the last one even when the clock is a moment behind it', async () => {
    await deploy();
    gateway.clock.moveBy(-5);

    expect(at(await call('undeploy'), 'data', 'undeploy')).toMatchObject({
      status: 'UNDEPLOYED',
      lastActiveOn: '2026-03-10T12:00:00.000Z',
    });
  });
});

describe('what cannot be', () => {
  it.each([
    [{ at: '2026-03-10T12:00:00.001Z' }, 'BAD_USER_INPUT', 'at'],
    [{ at: '2025-02-03T11:59:59.999Z' }, 'BAD_USER_INPUT', 'at'],
    [{ replicas: 0 }, 'BAD_USER_INPUT', 'replicas'],
    [{ replicas: 1_001 }, 'BAD_USER_INPUT', 'replicas'],
    [{ hardware: 'gpu-none' }, 'NOT_FOUND', 'hardware'],
    [{ hardware: 'gpu-new', at: '2026-03-10T10:59:59.999Z' }, 'BAD_USER_INPUT', 'at'],
  ])('is refused by deploy: %j', async (values, code, field) => {
    const answer = await deploy(values);

    expect(at(answer, 'errors', 0, 'extensions')).toMatchObject({ code, path: ['input', field] });
    expect(await segments()).toEqual([]);
    expect(await shown()).toMatchObject({ status: 'IN_DEVELOPMENT' });
  });

  it('is a call before the last one, which is named', async () => {
    await deploy();

    expect(at(await call('undeploy', '2026-03-10T11:59:59.999Z'), 'errors', 0)).toMatchObject({
      message:
        "at is 2026-03-10T11:59:59.999Z, before the resource's last lifecycle call at 2026-03-10T12:00:00.000Z.",
      extensions: { code: 'CONFLICT', path: ['at'] },
    });
  });

  it('is scaling to nothing in particular, or what does not run', async () => {
    expect(at(await scale({}), 'errors', 0, 'extensions', 'code')).toBe('BAD_USER_INPUT');
    expect(at(await scale({ replicas: 2 }), 'errors', 0, 'extensions', 'code')).toBe('CONFLICT');
    expect(at(await call('deploymentReady'), 'errors', 0, 'extensions', 'code')).toBe('CONFLICT');
  });

  it('is hosting a workflow, which is deployed without', async () => {
    const [workflow = ''] = await register(gateway, accountId, {
      kind: 'WORKFLOW',
      externalId: 'workflow',
      name: 'Workflow',
    });
    const change = async (mutation: string): Promise<unknown> =>
      at(
        await gateway.query(
          `mutation ($id: ID!) { ${mutation}(id: $id) { status lastActiveOn } }`,
          { id: workflow },
        ),
        ...['data', mutation],
      );

    expect(at(await deploy({ id: workflow }), 'errors', 0, 'extensions', 'code')).toBe('NOT_FOUND');
    expect(await change('deployWorkflow')).toEqual({
      status: 'DEPLOYED',
      lastActiveOn: '2026-03-10T12:00:00.000Z',
    });
    gateway.clock.moveBy(MINUTE_MS);
    expect(await change('undeployWorkflow')).toEqual({
      status: 'UNDEPLOYED',
      lastActiveOn: '2026-03-10T12:01:00.000Z',
    });
  });
});

describe('hosting that was recorded afterwards', () => {
  it('counts as a deployment until it is voided', async () => {
    const { accountId: account, resourceId } = address();
    const seq = 1_000 + made;
    await write(async (tx) => {
      const period = aPeriod({ eventSeq: seq });
      await insertSegments(tx, [period]);
      const { fromMs, toMs } = period;
      await raiseRecordedHosting(tx, account, [{ resourceId, fromMs, toMs: toMs ?? 0 }]);
    });
    const recorded = await shown();
    const voided = await write(async (tx) => {
      const taken = await voidSegmentsOfEvent(tx, account, seq, NOON_MS);
      await setRecordedHosting(tx, address(), await findRecordedHosting(tx, address()));
      return taken;
    });

    expect(recorded).toMatchObject({
      status: 'UNDEPLOYED',
      lastDeployedOn: '2026-03-10T10:00:00.000Z',
      lastActiveOn: '2026-03-10T11:00:00.000Z',
    });
    expect(voided).toMatchObject([{ fromMs: NOON_MS - 2 * HOUR_MS, folded: false }]);
    expect(await segments()).toEqual([]);
    expect(await shown()).toMatchObject({ status: 'IN_DEVELOPMENT', lastDeployedOn: null });
  });

  it('is in the way of a deploy that would meet it, and is named', async () => {
    await write((tx) => insertSegments(tx, [aPeriod()]));

    expect(at(await deploy({ at: '2026-03-10T10:30:00.000Z' }), 'errors', 0)).toMatchObject({
      message:
        'Hosting of the resource is recorded from 2026-03-10T10:00:00.000Z to 2026-03-10T11:00:00.000Z: it cannot begin at 2026-03-10T10:30:00.000Z.',
      extensions: { code: 'CONFLICT' },
    });
    const behind = await deploy({ at: '2026-03-10T11:00:00.000Z' });
    expect(at(behind, 'data', 'deploy', 'status')).toBe('DEPLOYED');
  });

  it('is summed up by its latest begin and end, a period over two rates being one', async () => {
    const minute = (count: number): number => NOON_MS - HOUR_MS + count * MINUTE_MS;
    await write((tx) =>
      insertSegments(tx, [
        aPeriod({ fromMs: minute(0), toMs: minute(5), eventSeq: 2_000 }),
        aPeriod({ fromMs: minute(10), toMs: minute(15), eventSeq: 2_001 }),
        aPeriod({ fromMs: minute(15), toMs: minute(20), eventSeq: 2_001 }),
      ]),
    );

    expect(await write((tx) => findRecordedHosting(tx, address()))).toEqual({
      resourceId: address().resourceId,
      fromMs: minute(10),
      toMs: minute(20),
    });
  });
});

describe('segments of one resource', () => {
  it('never overlap', async () => {
    await write((tx) => insertSegments(tx, [aPeriod()]));

    await expect(
      write((tx) => insertSegments(tx, [aPeriod({ fromMs: NOON_MS - HOUR_MS - 1, toMs: null })])),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
