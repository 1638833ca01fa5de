// Every usage view against the reference (test/support/reference): whatever happened, and whatever range is asked for,
// the API's figures are those that the raw events and segments give, to the micro-credit.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RollupCheckService } from '../../src/rollups/check.service.ts';
import { CLOCK_CHANGES, historyPlan, type HistoryPlan } from '../support/arbitraries.ts';
import { startTestGateway } from '../support/gateway.ts';
import { compareModelPanel, comparePanel, compareReport } from '../support/reference/details.ts';
import { loadFacts } from '../support/reference/facts.ts';
import { iso, micro, ms } from '../support/reference/forms.ts';
import { live, voidNewest, type Life } from '../support/reference/live.ts';
import {
  askOverview,
  compareOverview,
  compareTab,
  prepare,
  rangeInput,
  type Asked,
} from '../support/reference/questions.ts';

/** For each change of the clocks. */
const HISTORIES = Number(process.env['EXACTNESS_HISTORIES'] ?? 1);
const QUESTIONS = 32;
const LIMIT_MS = 300_000;

/** Puts every question of a plan to an account as it stands. @returns how many views were compared */
async function check(life: Life, questions: HistoryPlan['questions']): Promise<number> {
  let count = 0;
  for await (const { differences } of new RollupCheckService(life.gateway.database).check(null)) {
    expect(differences).toEqual([]);
  }
  const facts = await loadFacts(life.gateway.databaseUrl, life.account);
  for (const [index, question] of questions.entries()) {
    const asked = prepare(life, facts, question);
    // Days that a zone left out have no length; a cycle that begins now has none yet, and nothing in it.
    if (asked.span.from >= asked.span.to && asked.range.preset === undefined) continue;
    const views = [
      compareOverview,
      [compareTab, compareReport][index % 2] ?? compareTab,
      [comparePanel, compareModelPanel, checkSums, checkCut][index % 4] ?? comparePanel,
    ];
    for (const view of views) {
      const compared = await view(asked);
      if (compared === null) continue;
      count += 1;
      const where = {
        view: view.name,
        span: [asked.span.from, asked.span.to].map(iso),
        now: iso(asked.now),
      };
      expect({ where, asked: asked.question, answer: compared.told }).toEqual({
        where,
        asked: asked.question,
        answer: compared.known,
      });
    }
  }
  return count;
}

/** What the API says about one range adds up in itself, without the reference. */
async function checkSums(asked: Asked): Promise<{ told: unknown; known: unknown }> {
  const usage = await askOverview(asked, rangeInput(asked));
  const used = micro(usage.credits.used);
  const sum = (parts: readonly string[]): bigint => parts.map(micro).reduce((a, b) => a + b, 0n);
  const { buckets } = usage.trend;
  const hosting = usage.credits.byComponent.find(({ component }) => component === 'HOSTING');
  return {
    told: {
      buckets: sum(buckets.map(({ credits }) => credits)),
      runs: buckets.reduce((runs, bucket) => runs + bucket.workflowRuns, 0),
      categories: sum(usage.credits.byCategory.map(({ credits }) => credits)),
      components: sum(usage.credits.byComponent.map(({ credits }) => credits)),
      hardware: sum(usage.hardware.map(({ credits }) => credits)),
    },
    known: {
      buckets: used,
      runs: usage.workflowRuns.used,
      categories: used,
      components: used,
      hardware: micro(hosting?.credits ?? '0'),
    },
  };
}

/** Cutting a range in two and adding gives the whole. */
async function checkCut(asked: Asked): Promise<{ told: unknown; known: unknown } | null> {
  const { span, question, range } = asked;
  const cut = Math.floor(span.from + (span.to - span.from) * question.cutShare);
  if (cut <= span.from || cut >= span.to) return null;
  const figures = async (from: number, to: number): Promise<{ sums: bigint[]; hosted: number }> => {
    const usage = await askOverview(asked, { from: iso(from), to: iso(to), timeZone: range.zone });
    const { used, byCategory, byComponent } = usage.credits;
    return {
      sums: [
        micro(used),
        BigInt(usage.workflowRuns.used),
        ...byCategory.map(({ credits }) => micro(credits)),
        ...byComponent.map(({ credits }) => micro(credits)),
      ],
      hosted: usage.hardware.reduce((total, line) => total + ms(line.replicaTime), 0),
    };
  };
  const [whole, left, right] = [
    await figures(span.from, span.to),
    await figures(span.from, cut),
    await figures(cut, span.to),
  ];
  return {
    told: {
      sums: left.sums.map((value, i) => value + (right.sums[i] ?? 0n)),
      hosted: left.hosted + right.hosted,
    },
    known: whole,
  };
}

describe('usage views', () => {
  it.each(CLOCK_CHANGES)(
    'answer what the raw events and segments give, whatever happened around $at in $zone',
    async (change) => {
      const views: number[] = [];
      await fc.assert(
        fc.asyncProperty(historyPlan(QUESTIONS, change), async (plan) => {
          const gateway = await startTestGateway({ now: iso(plan.startMs) });
          try {
            const life = await live(gateway, plan);
            views.push(await check(life, plan.questions.slice(0, QUESTIONS / 2)));
            await gateway.fold();
            await voidNewest(life, 25);
            views.push(await check(life, plan.questions.slice(QUESTIONS / 2)));
          } finally {
            await gateway.close();
          }
        }),
        // A history is many requests: the first that fails is shown as it is, with the seed that brings it back.
        { numRuns: HISTORIES, endOnFailure: true },
      );
      expect(Math.min(...views)).toBeGreaterThan(QUESTIONS / 2);
    },
    LIMIT_MS,
  );
});
