export { listThresholds as readThresholds, type Threshold } from './thresholds.store.ts';
