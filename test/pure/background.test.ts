import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

describe('a fault in the background', () => {
  it('does not end the process, and is counted and told with its stack', async () => {
    const { stdout, stderr } = await run(process.execPath, [
      '--import',
      'tsx',
      'test/support/faulty-process.ts',
    ]);

    expect(JSON.parse(stdout)).toEqual({ WORK: 1, UNHANDLED: 3 });
    for (const message of [
      'a rejection that nobody waits for',
      'thrown by a timer',
      'an event that nobody hears',
    ]) {
      expect(stderr).toMatch(
        new RegExp(`Unexpected fault of the gateway: Error: ${message}\\n +at .*faulty-process`),
      );
    }
    expect(stderr).toContain('tried again: Error: work that is tried again');
  });
});
