// Where the tables are distributed, what concerns one account should run on its server alone. Left out elsewhere.

import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import utils from 'pg/lib/utils.js';
import {
  CreditsTabDocument,
  DeploymentPolicyDocument,
  GuardrailsTabDocument,
  HostedPanelDocument,
  LedgerDocument,
  ModelsTabDocument,
  OverviewDocument,
  ProjectionDocument,
  ReportDocument,
  UsageEventsDocument,
  WorkflowsTabDocument,
} from '@billing-gateway/client/operations';
import { Connection } from '../../src/db/connection.ts';
import type { Statement } from '../../src/db/statement-group.ts';
import {
  alertsOf,
  allocate,
  ask,
  createAccount,
  createHardware,
  deployGuardrail,
  recordUsage,
  register,
  undeploy,
} from '../support/account.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { describeDistributed } from '../support/left-out.ts';

const MODEL_OF = 'query ($id: ID!) { node(id: $id) { ... on ModelDeployment { model { name } } } }';
const RANGE = { fromDay: '2026-03-01', toDay: '2026-03-31' };

/** What runs on several shards: docs/operations.md has the reasons. */
const ON_SEVERAL = [
  // They look for accounts.
  'credits.findDue',
  'rollups.findBehind',
];

let gateway: TestGateway;
let owner: pg.Client;
let ran: Statement[] = [];

/** Notes the statements that are sent from now on. */
function note(): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the connection below
  const { run } = Connection.prototype;
  jest.spyOn(Connection.prototype, 'run').mockImplementation(function (this: Connection, group) {
    ran.push(...group);
    return run.call(this, group);
  });
}

/** On how many shards a statement runs, in the widest of its steps; 0: only on the coordinator. */
async function shardsOf({ text, values }: Statement): Promise<number> {
  // EXPLAIN of a distributed statement takes no parameters.
  const written = text.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const value = utils.prepareValue(values[Number(number) - 1]);
    if (value === null) return 'null';
    return pg.escapeLiteral(typeof value === 'string' ? value : `\\x${value.toString('hex')}`);
  });
  const { rows } = await owner.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${written}`);
  const counts = rows.flatMap(
    ({ 'QUERY PLAN': line }) => /Task Count: (\d+)/.exec(line)?.[1] ?? [],
  );
  return Math.max(0, ...counts.map(Number));
}

describeDistributed('on distributed tables', () => {
  beforeAll(async () => {
    gateway = await startTestGateway();
    owner = new pg.Client({ connectionString: gateway.databaseUrl });
    await owner.connect();
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(async () => {
    await owner.end();
    await gateway.close();
  });

  it('recording, folding, views, balances, alerts and what is due run on one shard, but for what is listed', async () => {
    await createHardware(gateway, 'gpu', '1');
    // One more, so that no statement finds the only account by chance.
    await createAccount(gateway, { name: 'B' });
    const accountId = await createAccount(gateway);
    note();
    ran = [];
    await allocate(gateway, accountId, '2');
    const id = await deployGuardrail(gateway, accountId, 'gpu');
    const [deploymentId] = await register(gateway, accountId, {
      kind: 'MODEL_DEPLOYMENT',
      externalId: 'd',
      name: 'D',
      modelExternalId: 'm',
      modelType: 'BASE',
    });
    for (const day of ['05', '06']) {
      await recordUsage(gateway, accountId, {
        resourceKind: 'GUARDRAIL',
        resourceExternalId: 'g',
        occurredAt: `2026-03-${day}T10:20:30.123Z`,
        credits: '0.5',
        unit: 'tokens',
      });
      // The first event is folded, and the second is in the tail.
      if (day === '05') await gateway.fold();
    }
    const asked = { accountId, range: RANGE };
    await ask(gateway, OverviewDocument, asked);
    await ask(gateway, WorkflowsTabDocument, asked);
    await ask(gateway, GuardrailsTabDocument, asked);
    await ask(gateway, ModelsTabDocument, asked);
    await ask(gateway, CreditsTabDocument, asked);
    await ask(gateway, HostedPanelDocument, { id, range: RANGE });
    await ask(gateway, MODEL_OF, { id: deploymentId });
    await ask(gateway, ReportDocument, { ...asked, groupBy: ['RESOURCE'] });
    await ask(gateway, UsageEventsDocument, asked);
    await ask(gateway, ProjectionDocument, { accountId });
    await ask(gateway, DeploymentPolicyDocument, { accountId });
    gateway.clock.moveTo(Date.parse('2026-03-10T14:00:00Z'));
    await gateway.app.due.settleDue();
    expect((await alertsOf(gateway, accountId)).length).toBeGreaterThan(0);
    const { account } = await ask(gateway, LedgerDocument, { accountId, firstCharges: 5 });
    expect(account?.ledger.nodes.flatMap(({ charges }) => charges.nodes)).not.toHaveLength(0);
    await undeploy(gateway, id);
    jest.restoreAllMocks();

    const named = new Map(
      ran.flatMap((statement) => {
        const name = /^\s*\/\* (\S+)/.exec(statement.text)?.[1];
        return name === undefined || name.startsWith('jobs.')
          ? []
          : [[`${name} ${statement.text}`, { name, statement }]];
      }),
    );
    const several = new Set<string>();
    for (const { name, statement } of named.values()) {
      if ((await shardsOf(statement)) > 1) several.add(name);
    }

    expect([...named.values()].map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'usage.insertEvents',
        'rollups.foldEvents',
        'views.loadSums.resource',
        'views.loadTail',
        'views.loadLatest',
        'usage.listCharges',
        'resources.loadModels',
        'credits.loadStates',
        'credits.lockDueAccount',
        'alerts.listAlerts',
      ]),
    );
    expect([...several].sort()).toEqual([...ON_SEVERAL].sort());
  });
});
