// Reading hosting by key has no rules: the loaders of a request take it from here as the store gives it.
export { loadRunning, loadSegmentsById } from './hosting.store.ts';
