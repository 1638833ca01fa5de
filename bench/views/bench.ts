import { Agent } from 'undici';
import type { Account } from '../../src/account/account.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import {
  createAccount,
  createHardware,
  fillAccount,
  settle,
  type BenchAccount,
} from '../support/data-set.ts';
import { startBenchGateway, type BenchGateway } from '../support/gateway.ts';
import { inTurns, median, note, printTable, timed, type Contender } from '../support/measure.ts';
import type { Result } from '../support/results.ts';
import { askOverHttp } from './ask.ts';
import { comparePages } from './page.ts';
import { printPlans } from './plans.ts';
import {
  askedRanges,
  questions,
  rangeVariable,
  viewOf,
  type AskedRange,
  type Question,
} from './questions.ts';
import { recordingTx, type Ran } from './recording-tx.ts';
import { viewsOn } from './views-on.ts';

// An afternoon in the account's zone: the last day is cut.
const NOW_MS = Date.parse('2026-03-10T11:47:12.345Z');
const AIM_BETWEEN_SIZES = 1.3;

export interface ViewsOptions {
  readonly quick: boolean;
  readonly plans: boolean;
}

interface Sized {
  readonly events: number;
  readonly account: Account;
  readonly bench: BenchAccount;
}

/** Measures the Overview and each tab over accounts of different size. */
export async function benchViews(options: ViewsOptions): Promise<readonly Result[]> {
  const sizes = options.quick ? [10_000, 100_000] : [100_000, 1_000_000, 5_000_000];
  const rounds = options.quick ? 7 : 11;
  const gateway = await startBenchGateway(new ManualClock(NOW_MS));
  const agent = new Agent({ keepAliveTimeout: 60_000 });
  try {
    const accounts = await build(gateway, sizes);
    const results: Result[] = [];
    for (const range of askedRanges(NOW_MS)) {
      results.push(...(await compare({ gateway, agent, accounts, range, rounds })));
    }
    const [largest] = accounts.slice(-1);
    invariant(largest !== undefined, 'there is an account');
    await printShares(gateway, largest);
    if (options.plans) await printPlans(gateway, largest.account, NOW_MS);
    const page = { gateway, agent, account: largest.account, bench: largest.bench };
    results.push(...(await comparePages({ ...page, nowMs: NOW_MS, rounds })));
    return results;
  } finally {
    await agent.close();
    await gateway.close();
  }
}

async function build(gateway: BenchGateway, sizes: readonly number[]): Promise<readonly Sized[]> {
  await createHardware(gateway);
  const accounts: Sized[] = [];
  for (const events of sizes) {
    const bench = await createAccount(gateway, `account of ${events} events`);
    const fillMs = await timed(() => fillAccount(gateway, bench, { events, nowMs: NOW_MS }));
    const foldMs = await timed(() => settle(gateway));
    note(`${events} events: generated in ${seconds(fillMs)} s, folded in ${seconds(foldMs)} s`);
    const account = await gateway.database.inSnapshot(bench, (tx) =>
      gateway.app.accounts.get(tx, bench.accountId),
    );
    accounts.push({ events, account, bench });
  }
  return accounts;
}

interface Comparison {
  readonly gateway: BenchGateway;
  readonly agent: Agent;
  readonly accounts: readonly Sized[];
  readonly range: AskedRange;
  readonly rounds: number;
}

async function compare(comparison: Comparison): Promise<readonly Result[]> {
  const { accounts, range, rounds } = comparison;
  const contenders = questions.flatMap((question) =>
    accounts.flatMap((sized) => contendersOf(comparison, question, sized)),
  );
  // The first answers compile queries and fill caches; they are no part of what is compared.
  await inTurns(contenders, 2);
  const took = await inTurns(contenders, rounds);
  const ms = (question: Question, sized: Sized | undefined, way: string): number =>
    took.get(`${question.name} ${sized?.events ?? 0} ${way}`) ?? Number.NaN;
  const [smallest] = accounts;
  const [largest] = accounts.slice(-1);
  for (const way of ['http', 'service']) {
    printTable(
      `${range.name}: ms ${way === 'http' ? 'over HTTP' : 'of the service alone'} (aim: largest ≤ ${AIM_BETWEEN_SIZES} × smallest)`,
      [
        'view',
        ...accounts.map(({ events }) => events.toExponential(0)),
        'largest:smallest',
        'plain SQL',
        'plain:ours',
      ],
      questions.map((question) => [
        question.name,
        ...accounts.map((sized) => ms(question, sized, way)),
        ms(question, largest, way) / ms(question, smallest, way),
        ms(question, largest, 'raw'),
        ms(question, largest, 'raw') / ms(question, largest, way),
      ]),
    );
  }
  const [few, many] = [smallest, largest].map((one) => one?.events.toExponential(0));
  return questions.map((question) => ({
    area: 'views',
    what: `${question.name} over HTTP, ${range.name}, ${String(many)} events beside ${String(few)}`,
    goal: { most: AIM_BETWEEN_SIZES, of: `× ${String(few)}` },
    figure: ms(question, largest, 'http'),
    unit: 'ms',
    ratio: ms(question, largest, 'http') / ms(question, smallest, 'http'),
    processorMs: null,
  }));
}

function contendersOf(
  { gateway, agent, range }: Comparison,
  question: Question,
  { account, bench, events }: Sized,
): readonly Contender[] {
  const view = viewOf(account, range, NOW_MS);
  const body = JSON.stringify({
    query: question.document,
    variables: { accountId: bench.id, range: rangeVariable(range) },
  });
  const { fromMs, toMs, timeZone } = view.range;
  const raw = [account.accountId, new Date(fromMs), new Date(Math.min(toMs, NOW_MS)), timeZone];
  return [
    {
      name: `${question.name} ${events} http`,
      measure: () => timed(() => askOverHttp(gateway, agent, body)),
    },
    {
      name: `${question.name} ${events} service`,
      measure: () =>
        timed(() =>
          gateway.database.inSnapshot(account, (tx) => question.ask(viewsOn(tx, NOW_MS), view)),
        ),
    },
    {
      name: `${question.name} ${events} raw`,
      measure: () => timed(() => gateway.owner.query(question.rawSql, raw)),
      roundsMax: 3,
    },
  ];
}

/** Where the service's time goes: its statements, and the rest. */
async function printShares(gateway: BenchGateway, { account, events }: Sized): Promise<void> {
  const [range] = askedRanges(NOW_MS);
  invariant(range !== undefined, 'there is a range');
  const rows: (string | number)[][] = [];
  for (const question of questions) {
    const runs: { readonly totalMs: number; readonly ran: readonly Ran[] }[] = [];
    for (let round = 0; round < 9; round += 1) {
      const ran: Ran[] = [];
      const totalMs = await timed(() =>
        gateway.database.inSnapshot(account, (tx) =>
          question.ask(viewsOn(recordingTx(tx, ran), NOW_MS), viewOf(account, range, NOW_MS)),
        ),
      );
      runs.push({ totalMs, ran });
    }
    rows.push([question.name, 'all', median(runs.map(({ totalMs }) => totalMs)), '']);
    for (const { name, rows: count } of runs[0]?.ran ?? []) {
      const ms = median(runs.map(({ ran }) => ran.find((one) => one.name === name)?.ms ?? 0));
      rows.push(['', name, ms, count]);
    }
  }
  printTable(
    `Where the time goes (service, ${events.toExponential(0)} events, ${range.name})`,
    ['view', 'statement', 'ms', 'rows'],
    rows,
  );
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
