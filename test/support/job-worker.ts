// A gateway's job runner in a process of its own, to be killed: it takes a job of the task "slow", says so, and never ends it.

import { startJobs } from '../../src/db/job-runner.ts';

const [url = ''] = process.argv.slice(2);
await startJobs({
  url,
  concurrency: 1,
  onError: (error) => {
    process.stderr.write(`${String(error)}\n`);
  },
  timing: { heartbeatMs: 100, silentAfterMs: 1_000, pollMs: 50 },
  tasks: [
    {
      name: 'slow',
      run: async (payload) => {
        process.stdout.write(`${JSON.stringify(payload)}\n`);
        await new Promise(() => undefined);
      },
    },
  ],
});
