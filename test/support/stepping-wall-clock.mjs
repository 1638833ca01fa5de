// Loaded before a gateway: each SIGUSR2 sets the wall clock that the process sees, in turn two hours forward and four back.

import process from 'node:process';

const HOUR_MS = 3_600_000;
const RealDate = Date;
let stepMs = 0;

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + stepMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + stepMs;
  }
};

process.on('SIGUSR2', () => {
  stepMs = stepMs > 0 ? -2 * HOUR_MS : 2 * HOUR_MS;
  process.stderr.write(`The wall clock says ${new Date().toISOString()}\n`);
});
