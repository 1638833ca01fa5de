// The views of an account of 1e5 events in both databases, and of the largest account.

import type { Agent } from 'undici';
import { inTurns, printTable, timed } from '../support/measure.ts';
import { ProcessorMeter } from '../support/processor.ts';
import type { Result } from '../support/results.ts';
import { askOverHttp } from '../views/ask.ts';
import { askedRanges, questions, rangeVariable, type AskedRange } from '../views/questions.ts';
import { apiId, type Both, PROBE_EVENTS, type Sized } from './sized.ts';

const AIM = 1.3;

/** Milliseconds over HTTP, in turns. */
export async function compareViews(
  both: Both,
  by: { readonly agent: Agent; readonly nowMs: number; readonly rounds: number },
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const meters = new Map<Sized, ProcessorMeter>();
  for (const sized of [both.small, both.large]) {
    meters.set(sized, await ProcessorMeter.open(sized.gateway));
  }
  for (const range of askedRanges(by.nowMs)) {
    results.push(...(await compareRange(both, { ...by, range, meters })));
  }
  return results;
}

interface Comparing {
  readonly agent: Agent;
  readonly rounds: number;
  readonly range: AskedRange;
  readonly meters: ReadonlyMap<Sized, ProcessorMeter>;
}

async function compareRange(both: Both, by: Comparing): Promise<readonly Result[]> {
  const { agent, rounds, range, meters } = by;
  const asked = [
    { of: 'small', sized: both.small, account: both.small.probe },
    { of: 'large', sized: both.large, account: both.large.probe },
    { of: 'largest', sized: both.large, account: both.large.largest },
  ];
  const contenders = questions.flatMap(({ name, document }) =>
    asked.map(({ of, sized, account }) => {
      const variables = { accountId: apiId(account), range: rangeVariable(range) };
      const body = JSON.stringify({ query: document, variables });
      const ask = async (): Promise<{ readonly units: number; readonly result: number }> => ({
        units: 1,
        result: await timed(() => askOverHttp(sized.gateway, agent, body)),
      });
      const key = `${name} ${of}`;
      return {
        name: key,
        measure: () => meters.get(sized)?.during(key, ask) ?? Promise.resolve(0),
      };
    }),
  );
  await inTurns(contenders, 2);
  for (const meter of meters.values()) meter.forget();
  const took = await inTurns(contenders, rounds);
  const ms = (name: string, of: string): number => took.get(`${name} ${of}`) ?? Number.NaN;
  const events = both.large.largestEvents.toExponential(1);
  printTable(
    `${range.name}: ms over HTTP, an account of ${PROBE_EVENTS} events in the small and in the large database, and one of ${events}`,
    ['view', 'small', 'large', 'large:small', events, `${events}:small`],
    questions.map(({ name }) => [
      name,
      ms(name, 'small'),
      ms(name, 'large'),
      ms(name, 'large') / ms(name, 'small'),
      ms(name, 'largest'),
      ms(name, 'largest') / ms(name, 'small'),
    ]),
  );
  printProcessor(both, by, events);
  return questions.flatMap(({ name }) =>
    (['large', 'largest'] as const).map((of) => ({
      area: 'size',
      what: `${name}, ${range.name}, ${of === 'large' ? 'the same account in the large database' : `an account of ${events} events`}`,
      goal: { most: AIM, of: '× small' },
      figure: ms(name, of),
      unit: 'ms',
      ratio: ms(name, of) / ms(name, 'small'),
      processorMs: meters.get(both.large)?.perUnit(`${name} ${of}`) ?? null,
    })),
  );
}

/** It does not depend on who else uses the machine. @param events of the largest account */
function printProcessor(both: Both, { range, meters }: Comparing, events: string): void {
  const processor = (name: string, sized: Sized): number => {
    const taken = meters.get(sized)?.perUnit(name);
    return taken == null ? Number.NaN : taken.gateway + taken.postgres;
  };
  printTable(
    `${range.name}: processor ms of the gateway and PostgreSQL, the same accounts`,
    ['view', 'small', 'large', 'large:small', events, `${events}:small`],
    questions.map(({ name }) => {
      const small = processor(`${name} small`, both.small);
      const large = processor(`${name} large`, both.large);
      const largest = processor(`${name} largest`, both.large);
      return [name, small, large, large / small, largest, largest / small];
    }),
  );
}
