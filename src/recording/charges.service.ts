// Reading charges has no rules: the resolvers take them from here as the stores give them.
export { countCharges, type LedgerCharge, listCharges } from './charges.store.ts';
export { loadSegmentsById } from '../hosting/hosting.service.ts';
