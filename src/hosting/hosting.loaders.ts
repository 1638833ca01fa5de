import { rowLoader } from '../graphql/loader.ts';
import { loadRunning, loadSegmentsById } from './hosting.store.ts';

/** The running segments of resources, by account and resource; null where nothing runs. */
export const runningLoader = rowLoader(
  loadRunning,
  ({ accountId, resourceId }) => `${accountId}.${resourceId}`,
);

/** Segments by account and id, voided ones too; null where there is none. */
export const segmentLoader = rowLoader(
  loadSegmentsById,
  ({ accountId, segmentId }) => `${accountId}.${segmentId}`,
);
