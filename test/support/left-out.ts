// Tests that a run leaves out, and counts as skipped, by where its databases are. The run says so when it starts. The reasons of what
// is left out on Citus are in docs/operations.md.

import { describe, it } from '@jest/globals';
import { isDistributedRun } from './databases.ts';

/** Needs tables that are distributed. */
export const describeDistributed = isDistributedRun() ? describe : describe.skip;
/** Needs what distributed tables cannot do. */
export const describeOnOneServer = isDistributedRun() ? describe.skip : describe;
/** Needs what distributed tables cannot do. */
export const itOnOneServer = isDistributedRun() ? it.skip : it;
