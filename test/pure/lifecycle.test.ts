import { describe, expect, it } from '@jest/globals';
import {
  decide,
  type LifecycleCall,
  type LifecycleState,
  parseReplicas,
  type Placement,
} from '../../src/deployments/lifecycle.ts';
import { REPLICAS_MAX } from '../../src/hosting/charge.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-03-10T12:00:00.000Z');
const EARLIER_MS = Date.parse('2026-03-10T09:00:00.000Z');
const A100 = { hardwareId: 1, hardware: 'gpu-a100' };
const CPU = { hardwareId: 2, hardware: 'cpu-4' };
const twoA100: Placement = { ...A100, replicas: 2 };

function aState(values: Partial<LifecycleState> = {}): LifecycleState {
  return {
    status: 'IN_DEVELOPMENT',
    running: null,
    requested: null,
    endpointUrl: null,
    failureMessage: null,
    lifecycleAtMs: null,
    deployedAtMs: null,
    changedAtMs: null,
    stoppedAtMs: null,
    ...values,
  };
}

const atEarlier = { lifecycleAtMs: EARLIER_MS, changedAtMs: EARLIER_MS };
const draft = aState();
const deployed = aState({
  status: 'DEPLOYED',
  running: twoA100,
  deployedAtMs: EARLIER_MS,
  ...atEarlier,
});
const requested = aState({
  status: 'DEPLOYING',
  requested: twoA100,
  lifecycleAtMs: EARLIER_MS,
});
const undeployed = aState({ status: 'UNDEPLOYED', deployedAtMs: EARLIER_MS - 1, ...atEarlier });
const failed = aState({
  status: 'FAILED',
  failureMessage: 'No capacity.',
  deployedAtMs: EARLIER_MS - 1,
  ...atEarlier,
});
const deleted = aState({ status: 'DELETED', deployedAtMs: EARLIER_MS - 1, ...atEarlier });

function deploy(placement: Placement | null = twoA100, isReady = true): LifecycleCall {
  return { kind: 'DEPLOY', placement, isReady, endpointUrl: null };
}
const ready: LifecycleCall = { kind: 'READY' };
const fail: LifecycleCall = { kind: 'FAIL', message: 'Out of memory.' };
const undeploy: LifecycleCall = { kind: 'UNDEPLOY' };
const remove: LifecycleCall = { kind: 'DELETE' };

function scale(replicas: number | null, hardware: typeof A100 | null = null): LifecycleCall {
  return { kind: 'SCALE', hardware, replicas };
}

function after(state: LifecycleState, call: LifecycleCall, atMs = NOW_MS): LifecycleState | null {
  const requireAllowed = (): void => undefined;
  return decide(state, call, {
    atMs,
    nowMs: NOW_MS,
    ingestWindowDays: 400,
    path: ['at'],
    requireAllowed,
  });
}

describe('deploying', () => {
  it.each([draft, undeployed, failed])(
    'runs what is $status and forgets why it failed',
    (state) => {
      expect(after(state, deploy())).toEqual({
        status: 'DEPLOYED',
        running: twoA100,
        requested: null,
        endpointUrl: null,
        failureMessage: null,
        lifecycleAtMs: NOW_MS,
        deployedAtMs: NOW_MS,
        changedAtMs: NOW_MS,
        stoppedAtMs: null,
      });
    },
  );

  it('only asks when it is not ready, and runs nothing', () => {
    expect(after(draft, deploy(twoA100, false))).toEqual(
      aState({ status: 'DEPLOYING', requested: twoA100, lifecycleAtMs: NOW_MS }),
    );
  });

  it('keeps the endpoint unless another one is given', () => {
    const state = { ...undeployed, endpointUrl: 'https://a.example' };

    expect(after(state, deploy())?.endpointUrl).toBe('https://a.example');
    expect(
      after(state, {
        kind: 'DEPLOY',
        placement: twoA100,
        isReady: true,
        endpointUrl: 'https://b.example',
      })?.endpointUrl,
    ).toBe('https://b.example');
  });

  it('holds already when it runs as asked, whatever the instant', () => {
    expect(after(deployed, deploy(), EARLIER_MS - 5 * DAY_MS)).toBeNull();
    expect(after(deployed, deploy(twoA100, false))).toBeNull();
    expect(after(requested, deploy(twoA100, false))).toBeNull();
  });

  it('makes a request run, when it is for the same', () => {
    expect(after(requested, deploy())?.running).toEqual(twoA100);
  });

  it('is refused while it is deployed or requested otherwise, naming what runs and since when', () => {
    expect(() => after(deployed, deploy({ ...CPU, replicas: 2 }))).toThrow(
      'The resource is deployed on 2 x gpu-a100 since 2026-03-10T09:00:00.000Z: scale it, or undeploy it first.',
    );
    expect(() => after(deployed, deploy({ ...A100, replicas: 3 }))).toThrow('2 x gpu-a100');
    expect(() => after(requested, deploy({ ...CPU, replicas: 2 }))).toThrow(
      'The resource is being deployed on 2 x gpu-a100 since 2026-03-10T09:00:00.000Z: undeploy it first.',
    );
  });

  it('of a workflow needs no hardware', () => {
    const after1 = after(draft, deploy(null));

    expect(after1).toMatchObject({ status: 'DEPLOYED', running: null, deployedAtMs: NOW_MS });
    expect(after(aState({ status: 'DEPLOYED' }), deploy(null))).toBeNull();
  });
});

describe('a requested deployment', () => {
  it('runs as requested once it is ready', () => {
    expect(after(requested, ready)).toMatchObject({
      status: 'DEPLOYED',
      running: twoA100,
      requested: null,
      deployedAtMs: NOW_MS,
    });
    expect(after(deployed, ready)).toBeNull();
  });

  it.each([draft, undeployed, failed])('cannot be ready where it is $status', (state) => {
    expect(() => after(state, ready)).toThrow(state.status);
  });

  it('is taken back by undeploying, to what it was before', () => {
    expect(after(requested, undeploy)).toEqual(aState({ lifecycleAtMs: NOW_MS }));
    expect(after({ ...requested, deployedAtMs: EARLIER_MS - 1 }, undeploy)?.status).toBe(
      'UNDEPLOYED',
    );
  });
});

describe('a failure', () => {
  it('ends what runs or was requested, and says why', () => {
    expect(after(deployed, fail)).toMatchObject({
      status: 'FAILED',
      running: null,
      failureMessage: 'Out of memory.',
      changedAtMs: NOW_MS,
    });
    expect(after(requested, fail)).toMatchObject({
      status: 'FAILED',
      requested: null,
      changedAtMs: null,
    });
  });

  it('holds already where it failed, and is refused where nothing could fail', () => {
    expect(after(failed, fail)).toBeNull();
    expect(() => after(draft, fail)).toThrow('IN_DEVELOPMENT');
    expect(() => after(undeployed, fail)).toThrow('UNDEPLOYED');
  });
});

describe('scaling', () => {
  it('changes what is named and keeps the rest', () => {
    expect(after(deployed, scale(5))).toMatchObject({
      status: 'DEPLOYED',
      running: { ...A100, replicas: 5 },
      changedAtMs: NOW_MS,
      deployedAtMs: EARLIER_MS,
    });
    expect(after(deployed, scale(null, CPU))?.running).toEqual({ ...CPU, replicas: 2 });
  });

  it('holds already at the same hardware and replicas', () => {
    expect(after(deployed, scale(2))).toBeNull();
    expect(after(deployed, scale(null, A100))).toBeNull();
  });

  it.each([draft, requested, undeployed, failed])('is refused where it is $status', (state) => {
    expect(() => after(state, scale(3))).toThrow(
      `The resource is ${state.status}: only what is deployed can be scaled.`,
    );
  });
});

describe('undeploying', () => {
  it('ends what runs', () => {
    expect(after(deployed, undeploy)).toMatchObject({
      status: 'UNDEPLOYED',
      running: null,
      changedAtMs: NOW_MS,
      deployedAtMs: EARLIER_MS,
    });
  });

  it('holds already where nothing runs', () => {
    expect(after(draft, undeploy)).toBeNull();
    expect(after(undeployed, undeploy)).toBeNull();
  });

  it('makes what failed ready to deploy again and keeps the reason', () => {
    expect(after(failed, undeploy)).toMatchObject({
      status: 'UNDEPLOYED',
      failureMessage: 'No capacity.',
      changedAtMs: EARLIER_MS,
    });
  });
});

describe('deleting', () => {
  it.each([draft, requested, deployed, undeployed, failed])('ends what is $status', (state) => {
    expect(after(state, remove)).toMatchObject({
      status: 'DELETED',
      running: null,
      requested: null,
      lifecycleAtMs: NOW_MS,
    });
  });

  it('is final', () => {
    expect(after(deleted, remove)).toBeNull();
    for (const call of [deploy(), ready, fail, scale(1), undeploy]) {
      expect(() => after(deleted, call)).toThrow(
        'The resource was deleted at 2026-03-10T09:00:00.000Z.',
      );
    }
  });
});

describe('the instant of a call', () => {
  it('may be that of the last call, but not before it', () => {
    expect(after(deployed, undeploy, EARLIER_MS)?.lifecycleAtMs).toBe(EARLIER_MS);
    expect(() => after(deployed, undeploy, EARLIER_MS - 1)).toThrow(
      "at is 2026-03-10T08:59:59.999Z, before the resource's last lifecycle call at 2026-03-10T09:00:00.000Z.",
    );
  });

  it('may be now, but not after it', () => {
    expect(after(draft, deploy(), NOW_MS)?.deployedAtMs).toBe(NOW_MS);
    expect(() => after(draft, deploy(), NOW_MS + 1)).toThrow('it must not be after now');
  });

  it('lies within the ingest window', () => {
    expect(after(draft, deploy(), NOW_MS - 400 * DAY_MS)?.status).toBe('DEPLOYED');
    expect(() => after(draft, deploy(), NOW_MS - 400 * DAY_MS - 1)).toThrow(
      'it must not be more than 400 days back (2025-02-03T12:00:00.000Z)',
    );
  });
});

describe('replicas', () => {
  it('are from 1 to 1,000', () => {
    expect(parseReplicas(1, ['replicas'])).toBe(1);
    expect(parseReplicas(REPLICAS_MAX, ['replicas'])).toBe(1_000);
    expect(() => parseReplicas(0, ['replicas'])).toThrow('it must be from 1 to 1000');
    expect(() => parseReplicas(REPLICAS_MAX + 1, ['replicas'])).toThrow(
      'it must be from 1 to 1000',
    );
  });
});
