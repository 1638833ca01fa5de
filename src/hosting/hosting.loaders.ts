import { rowLoader } from '../graphql/loader.ts';
import { loadRunning, loadSegmentsById } from './hosting.store.ts';

/** What resources run on now, by account and resource; null where nothing runs. */
export const runningLoader = rowLoader(
  loadRunning,
  ({ accountId, resourceId }) => `${accountId}.${resourceId}`,
);

/** Segments by account and id, voided ones too; null where there is none. */
export const segmentLoader = rowLoader(
  loadSegmentsById,
  ({ accountId, segmentId }) => `${accountId}.${segmentId}`,
);
