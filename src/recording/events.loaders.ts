import { rowLoader } from '../graphql/loader.ts';
import { loadEvents } from './events.store.ts';

/** Events and hosting periods by account and number; null where there is none. */
export const eventLoader = rowLoader(loadEvents, ({ accountId, seq }) => `${accountId}.${seq}`);
