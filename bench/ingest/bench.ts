import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SystemClock } from '../../src/core/clock.ts';
import { invariant } from '../../src/core/errors.ts';
import {
  createAccount,
  createHardware,
  fillAccount,
  settle,
  type BenchAccount,
} from '../support/data-set.ts';
import { OPERATOR_KEY, startBenchGateway, type BenchGateway } from '../support/gateway.ts';
import { inTurns, note, printTable, type Contender } from '../support/measure.ts';
import { ProcessorMeter } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import type { Answer, Job } from './job.ts';

const ACCOUNTS = 4;

interface Scenario {
  readonly name: string;
  readonly perRequest: number;
  readonly inFlight: number;
  readonly events: number;
  /** How many accounts take turns; left out: one. */
  readonly accounts?: number;
  /** The least that a door must do, as a share of plain INSERTs. */
  readonly least: { readonly graphql: number; readonly cloudevents: number };
}

/** Measures recording through HTTP against plain INSERTs of the same rows. */
export async function benchIngest({
  quick,
  rows = 0,
}: {
  readonly quick: boolean;
  /** Events that are recorded before; default: none. */
  readonly rows?: number;
}): Promise<readonly Result[]> {
  const gateway = await startBenchGateway(new SystemClock());
  const generator = fork(new URL('load.ts', import.meta.url));
  try {
    const accounts: BenchAccount[] = [];
    for (let index = 0; index < ACCOUNTS; index += 1) {
      accounts.push(await createAccount(gateway, `ingest ${index}`));
    }
    // The same columns and checks as the gateway's own table, and three indexes: an event is identified by its texts.
    await gateway.owner.query(`
      create table plain_event (like usage_event including all, primary key (account_id, seq));
      create unique index on plain_event (account_id, source, event_id)`);
    if (rows > 0) await fill(gateway, rows);
    gateway.app.folding.start();
    const meter = await ProcessorMeter.open(gateway);
    const bench = new IngestBench({ gateway, generator, accounts, meter });
    const results: Result[] = [];
    for (const times of ['live', 'random'] as const) {
      results.push(...(await bench.compare(scenarios(quick), times, quick ? 3 : 5)));
    }
    return results;
  } finally {
    generator.kill();
    await gateway.close();
  }
}

// Of another account, in both tables.
async function fill(gateway: BenchGateway, rows: number): Promise<void> {
  note(`${rows} events recorded before …`);
  const account = await createAccount(gateway, 'before');
  await createHardware(gateway);
  await fillAccount(gateway, account, { events: rows, nowMs: new SystemClock().nowMs() });
  await settle(gateway);
  await gateway.owner.query('insert into plain_event select * from usage_event');
  await gateway.owner.query('vacuum analyze plain_event');
}

function scenarios(quick: boolean): readonly Scenario[] {
  const many = quick ? 10_000 : 40_000;
  const single = quick ? 2_000 : 8_000;
  return [
    {
      name: 'batches of 1,000, one at a time',
      ...{ perRequest: 1_000, inFlight: 1, events: many },
      least: { graphql: 0.6, cloudevents: 0.6 },
    },
    {
      name: 'batches of 1,000, four at a time',
      ...{ perRequest: 1_000, inFlight: 4, events: many },
      least: { graphql: 0.45, cloudevents: 0.45 },
    },
    {
      name: 'batches of 1,000, one each of four accounts at a time',
      ...{ perRequest: 1_000, inFlight: 4, events: many, accounts: ACCOUNTS },
      least: { graphql: 0.6, cloudevents: 0.6 },
    },
    {
      name: 'one by one, 64 connections',
      ...{ perRequest: 1, inFlight: 64, events: single },
      least: { graphql: 0.6, cloudevents: 0.8 },
    },
  ];
}

const doors = ['insert', 'graphql', 'cloudevents', 'units'] as const;
type BenchDoor = (typeof doors)[number];
const doorNames = {
  insert: 'plain INSERT',
  graphql: 'recordUsage',
  cloudevents: 'POST /v1/events',
  units: 'POST /v1/events with units',
} as const;

class IngestBench {
  private backlogMax = 0;

  constructor(
    private readonly parts: {
      readonly gateway: BenchGateway;
      readonly generator: ChildProcess;
      readonly accounts: readonly BenchAccount[];
      readonly meter: ProcessorMeter;
    },
  ) {}

  async compare(
    all: readonly Scenario[],
    times: Job['times'],
    rounds: number,
  ): Promise<readonly Result[]> {
    const contenders = all.flatMap((scenario) =>
      doors.map((door): Contender => ({
        name: `${scenario.name} ${door}`,
        measure: () =>
          this.parts.meter.during(`${scenario.name} ${door}`, async () => ({
            units: scenario.events,
            result: await this.measure(scenario, door, times),
          })),
      })),
    );
    await inTurns(contenders, 1);
    this.backlogMax = 0;
    this.parts.meter.forget();
    const took = await inTurns(contenders, rounds);
    const of = (scenario: Scenario, door: BenchDoor): number =>
      took.get(`${scenario.name} ${door}`) ?? Number.NaN;
    const when = times === 'live' ? 'within the last minute' : 'anywhere in the last 90 days';
    printTable(
      `Events a second that happened ${when}`,
      [
        '',
        'plain INSERT',
        'recordUsage',
        'ratio',
        'POST /v1/events',
        'ratio',
        'with units',
        'ratio',
      ],
      all.map((scenario) => [
        scenario.name,
        of(scenario, 'insert'),
        of(scenario, 'graphql'),
        of(scenario, 'graphql') / of(scenario, 'insert'),
        of(scenario, 'cloudevents'),
        of(scenario, 'cloudevents') / of(scenario, 'insert'),
        of(scenario, 'units'),
        of(scenario, 'units') / of(scenario, 'insert'),
      ]),
    );
    process.stdout.write(`\nMost events not folded yet at the end of a turn: ${this.backlogMax}\n`);
    return all.flatMap((scenario) =>
      doors.map((door) => this.resultOf({ scenario, door, when }, of)),
    );
  }

  private resultOf(
    { scenario, door, when }: { scenario: Scenario; door: BenchDoor; when: string },
    of: (scenario: Scenario, door: BenchDoor) => number,
  ): Result {
    const least = door === 'graphql' || door === 'cloudevents' ? scenario.least[door] : null;
    return {
      area: 'ingest',
      what: `${doorNames[door]}, ${scenario.name}, ${when}`,
      goal: least === null ? null : { least, of: '× plain INSERT' },
      figure: of(scenario, door),
      unit: 'events/s',
      ratio: door === 'insert' ? null : of(scenario, door) / of(scenario, 'insert'),
      processorMs: this.parts.meter.perUnit(`${scenario.name} ${door}`),
    };
  }

  private async measure(scenario: Scenario, door: BenchDoor, times: Job['times']): Promise<number> {
    const { generator, accounts } = this.parts;
    const [account, ...others] = accounts.slice(0, scenario.accounts ?? 1);
    invariant(account !== undefined, 'events are of an account');
    const { origin, ownerUrl } = this.parts.gateway;
    const { perRequest, inFlight, events } = scenario;
    const answer = once(generator, 'message');
    generator.send({
      door,
      origin,
      key: OPERATOR_KEY,
      databaseUrl: ownerUrl,
      account,
      others,
      events,
      perRequest,
      inFlight,
      times,
    } satisfies Job);
    const messages: readonly unknown[] = await answer;
    const eventsPerSecond = readAnswer(messages[0]);
    if (door !== 'insert') await this.untilFolded();
    return eventsPerSecond;
  }

  // What one turn left to fold would slow the next one down.
  private async untilFolded(): Promise<void> {
    this.backlogMax = Math.max(this.backlogMax, await this.backlog());
    const beginMs = performance.now();
    // The loop leaves the last of them for a minute.
    while ((await this.backlog()) > 0) await this.parts.gateway.app.folding.foldAll();
    const tookMs = Math.round(performance.now() - beginMs);
    if (tookMs > 5_000) note(`folding was ${tookMs} ms behind`);
  }

  private async backlog(): Promise<number> {
    const { rows } = await this.parts.gateway.owner.query<{ backlog: string }>(
      `select sum(a.last_seq - least(coalesce(r.watermark, 0), u.watermark)) as backlog
       from account a left join rollup_state r using (account_id) left join unit_rollup_state u using (account_id)
       where account_id = any($1::int[])`,
      [this.parts.accounts.map(({ accountId }) => accountId)],
    );
    return Number(rows[0]?.backlog);
  }
}

function readAnswer(message: unknown): number {
  const answer = message as Answer;
  if ('error' in answer) throw new Error(`The load generator failed: ${answer.error}`);
  return answer.done.eventsPerSecond;
}
