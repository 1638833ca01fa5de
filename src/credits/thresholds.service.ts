export {
  listThresholds as readThresholds,
  type Threshold,
} from '../settlement/thresholds.store.ts';
