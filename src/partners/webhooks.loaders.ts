import { loader } from '../graphql/loader.ts';
import { countDeliveries, loadDeliveryPages } from './deliveries.store.ts';

/** Pages of endpoints' deliveries, newest first. */
export const deliveryPageLoader = loader(loadDeliveryPages);

/** How many deliveries endpoints have. */
export const deliveryCountLoader = loader(countDeliveries);
