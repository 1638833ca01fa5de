// How the commands of the rig, the soak and the simulation read numbers.

import { InvalidArgumentError } from 'commander';

/** A whole number from 0 on. @throws InvalidArgumentError for anything else */
export function whole(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(number) || number < 0)
    throw new InvalidArgumentError('It is no whole number.');
  return number;
}

/** A finite number above 0. @throws InvalidArgumentError for anything else */
export function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < Infinity))
    throw new InvalidArgumentError('It is no number above 0.');
  return number;
}
