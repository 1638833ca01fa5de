// A process whose background work goes wrong in ways that nobody catches. It says what was counted, if it lives to do so.

import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { BackgroundFailures } from '../../src/background.ts';

const failures = new BackgroundFailures((line) => process.stderr.write(`${line}\n`));
failures.guard(process);
void Promise.reject(new Error('a rejection that nobody waits for'));
setTimeout(() => {
  throw new Error('thrown by a timer');
}, 1);
setTimeout(() => {
  new EventEmitter().emit('error', new Error('an event that nobody hears'));
}, 1);
failures.onError(new Error('work that is tried again'));
await delay(100);
process.stdout.write(JSON.stringify(failures.counts));
