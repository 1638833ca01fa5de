// Lives through seeds, one after the other, and prints what each came to as a line of JSON. It is bundled with the gateway's code, in
// which the stores are those of the simulation (bundle.ts).

import { live } from './simulation.ts';
import { worldNames } from './worlds.ts';

const [accountHours, named, endsBroken, ...seeds] = process.argv.slice(2);
const world = worldNames.find((name) => name === named) ?? null;
for (const seed of seeds) {
  const lived = await live(seed, Number(accountHours), world);
  process.stdout.write(`${JSON.stringify(lived)}\n`);
  if (endsBroken === 'true' && lived.violations.length > 0) break;
}
