// What the figures of a statement must come to, whoever made it.

import { formatMicro, parseMicro } from '../core/micro.ts';
import type { StatementCredits, StatementDocument } from './document.ts';

/** A sum of a statement, and what it should be; in micro-credits. */
interface Sum {
  readonly of: string;
  readonly isMicro: bigint;
  readonly shouldBeMicro: bigint;
}

/**
 * What does not add up in a statement: one sentence each.
 * @throws UserInputError when an amount is no decimal number
 */
export function figureFaults(document: StatementDocument): readonly string[] {
  return [equationOf(document.credits), ...usedSums(document), lotSum(document)]
    .filter(({ isMicro, shouldBeMicro }) => isMicro !== shouldBeMicro)
    .map(
      ({ of, isMicro, shouldBeMicro }) =>
        `${of} ${formatMicro(isMicro)}, not ${formatMicro(shouldBeMicro)}.`,
    );
}

function equationOf(credits: StatementCredits): Sum {
  const { opening, allocated, used, expired, adjusted } = credits;
  return {
    of: 'opening + allocated - used - expired + adjusted comes to',
    isMicro:
      parseMicro(opening) +
      parseMicro(allocated) -
      parseMicro(used) -
      parseMicro(expired) +
      parseMicro(adjusted),
    shouldBeMicro: parseMicro(credits.closing),
  };
}

function usedSums({ used, credits }: StatementDocument): readonly Sum[] {
  const usedMicro = parseMicro(credits.used);
  const hosting = used.byComponent.filter(({ component }) => component === 'HOSTING');
  const lists = [
    { name: 'byCategory', rows: used.byCategory, shouldBeMicro: usedMicro },
    { name: 'byComponent', rows: used.byComponent, shouldBeMicro: usedMicro },
    { name: 'byResource', rows: used.byResource, shouldBeMicro: usedMicro },
    { name: 'byHardware', rows: used.byHardware, shouldBeMicro: sumOf(hosting) },
  ];
  return lists.map(({ name, rows, shouldBeMicro }) => ({
    of: `used.${name} comes to`,
    isMicro: sumOf(rows),
    shouldBeMicro,
  }));
}

// There is debt only while nothing is left in lots.
function lotSum({ lots, credits }: StatementDocument): Sum {
  const closingMicro = parseMicro(credits.closing);
  return {
    of: 'What remains of the lots comes to',
    isMicro: sumOf(lots.map(({ remaining }) => ({ credits: remaining }))),
    shouldBeMicro: closingMicro > 0n ? closingMicro : 0n,
  };
}

function sumOf(rows: readonly { readonly credits: string }[]): bigint {
  return rows.reduce((sumMicro, { credits }) => sumMicro + parseMicro(credits), 0n);
}
