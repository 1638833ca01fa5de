// Lives through seeds, one after the other, and prints what each came to as a line of JSON. It is bundled with the gateway's code, in
// which the stores are those of the simulation (bundle.ts).

import { live } from './simulation.ts';

const [accountHours, size, ...seeds] = process.argv.slice(2);
for (const seed of seeds) {
  const lived = await live(seed, { accountHours: Number(accountHours), isSmall: size === 'small' });
  process.stdout.write(`${JSON.stringify(lived)}\n`);
}
