// What the package gives to those who import it by its name.

export { type Core, createCore, type GatewayOptions } from './core.ts';
export { createGateway, type Gateway } from './gateway.ts';
export type { CallOptions, Connection, ConnectionOptions } from './connection.ts';
export { type ErrorCode, type ErrorPath, errorOf, GatewayError } from './errors.ts';
export type {
  AlertsOptions,
  BalanceOptions,
  LiveAlert,
  LiveBalance,
  StreamOptions,
} from './live.ts';
export { type Page, pages } from './pages.ts';
export {
  type Recorded,
  type RecordCounts,
  RecordError,
  type RecordOptions,
  type Refusal,
} from './record.ts';
export type * from './operations.ts';
