// The environment as one checked value. Every variable is checked before any is used. So a wrong set-up is reported at once
// and in full, and nothing starts with half of it.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isBootstrapSecret, BOOTSTRAP_SECRET_RULE } from './access/key.ts';
import type { JwtConfig } from './access/jwt.service.ts';
import { isLoopbackHost } from './partners/webhook.ts';
import { GatewayError } from './core/errors.ts';
import { isServerUrl, isWebOrigin } from './core/url.ts';
import { formatMicro, parseMicro } from './core/micro.ts';
import {
  type AccountDefaults,
  parsePolicy,
  type PolicyRequest,
  shippedDefaults,
} from './credits/policy.ts';
import { parseTrustedDocuments, QUERY_LIMITS, type TrustedDocuments } from './graphql/documents.ts';
import { firstThresholds } from './credits/thresholds.ts';
import type { MetricsPlace } from './http/metrics.ts';
import type { EventRate, PointRates } from './http/rates.ts';
import type { TrustProxy } from './http/server.ts';
import { DEFAULT_DOOR_LIMITS, type DoorLimits } from './http/doors.ts';
import { ConfigError, EnvironmentReader } from './environment.ts';
import { EVENTS_PER_CALL_MAX } from './recording/event.ts';
import { parseWebhookKeys } from './webhook-key.ts';

const POINTS_MAX = 999_999_999;

const logLevels = {
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
  silent: 'silent',
} as const;
export type LogLevel = keyof typeof logLevels;

/** The addresses of the pools' logins: of that which acts for accounts, and that which acts for operators. */
export interface LoginUrls {
  readonly url: string;
  readonly operatorUrl: string;
}

export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Null: the embedded database under `dataDir`. */
  readonly databaseUrl: string | null;
  /** The pools' logins; null: the gateway makes them. */
  readonly databaseLogins: LoginUrls | null;
  readonly databasePoolSize: number;
  readonly dataDir: string;
  readonly seedDemo: boolean;
  /** Null: the first start makes one and prints it. */
  readonly bootstrapOperatorKey: string | null;
  readonly logLevel: LogLevel;
  /** The only documents that run; null: all do. */
  readonly trustedDocuments: TrustedDocuments | null;
  /** The most points that an operation may cost. */
  readonly queryCostMax: number;
  readonly ingestWindowDays: number;
  readonly ingestAheadSeconds: number;
  /** The defaults of new accounts, for what their request leaves out. */
  readonly accountDefaults: AccountDefaults;
  /** Null: emails are stored and shown, not sent. */
  readonly smtpUrl: string | null;
  /** An address, or a name and an address. */
  readonly emailFrom: string;
  /** The address of the product for users, without a slash at its end; null: emails have no link. */
  readonly publicUrl: string | null;
  /** Of 32 bytes each; empty: those of the embedded database's folder, and none for another database. */
  readonly webhookSecretKeys: readonly Buffer[];
  /** Whether webhooks may be sent to this machine itself, and by http. */
  readonly webhookAllowLoopback: boolean;
  /** Null: JWTs are not taken. */
  readonly jwt: JwtConfig | null;
  /** The web origins whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** Whose X-Forwarded-For says where a request comes from. */
  readonly trustProxy: TrustProxy;
  readonly pointRates: PointRates;
  readonly eventRate: EventRate;
  /** Null: each gateway counts by itself. */
  readonly redisUrl: string | null;
  readonly metrics: MetricsPlace;
  readonly doorLimits: DoorLimits;
}

/**
 * The configuration that `env` describes. A variable that is unset or empty takes its default; unknown ones are ignored.
 * Secrets are never part of a message.
 * @throws ConfigError naming every bad variable and what it should be
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const read = new EnvironmentReader(env);
  const databaseUrl = read.optional('DATABASE_URL', isPostgresUrl, {
    expected: 'a PostgreSQL address such as postgres://user:password@host:5432/database',
    secret: true,
  });
  const publicUrl = read.optional('PUBLIC_URL', isPublicUrl, {
    expected:
      'an http or https address without a user, a query or a fragment, such as https://billing.example.com',
    secret: false,
  });
  const config: Config = {
    databaseUrl,
    databaseLogins: readLogins(read),
    databasePoolSize: read.integer('DATABASE_POOL_SIZE', 16, { min: 1, max: 500 }),
    dataDir: read.text('DATA_DIR', '.data', (value) => value.trim() !== '', 'the path of a folder'),
    seedDemo: read.flag('SEED_DEMO', databaseUrl === null),
    bootstrapOperatorKey: read.optional('BOOTSTRAP_OPERATOR_KEY', isBootstrapSecret, {
      expected: BOOTSTRAP_SECRET_RULE,
      secret: true,
    }),
    logLevel: read.choice('LOG_LEVEL', 'info', logLevels),
    trustedDocuments: readTrustedDocuments(read),
    ingestWindowDays: read.integer('INGEST_WINDOW_DAYS', 400, { min: 1, max: 3_660 }),
    ingestAheadSeconds: read.integer('INGEST_AHEAD_SECONDS', 300, { min: 0, max: 86_400 }),
    accountDefaults: readAccountDefaults(read),
    smtpUrl: read.optional('SMTP_URL', isServerUrl(/^smtps?:$/), {
      expected: 'a mail server such as smtps://user:password@host:465 or smtp://host:587',
      secret: true,
    }),
    emailFrom: read.text(
      'EMAIL_FROM',
      'billing@localhost',
      isSender,
      'an address such as billing@example.com or Billing <billing@example.com>',
    ),
    publicUrl: publicUrl === null ? null : new URL(publicUrl).href.replace(/\/+$/, ''),
    webhookSecretKeys: readWebhookKeys(read),
    webhookAllowLoopback: read.flag('WEBHOOK_ALLOW_LOOPBACK', false),
    trustProxy: readTrustProxy(read),
    ...readRates(read),
    corsOrigins: readCorsOrigins(read),
    jwt: readJwt(read),
    ...readDoors(read),
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

function readWebhookKeys(read: EnvironmentReader): readonly Buffer[] {
  const keys = read.optional('WEBHOOK_SECRET_KEY', (value) => parseWebhookKeys(value) !== null, {
    expected:
      '32 random bytes in base64, such as `openssl rand -base64 32` makes, or several such keys with commas between them',
    secret: true,
  });
  return keys === null ? [] : (parseWebhookKeys(keys) ?? []);
}

function readCorsOrigins(read: EnvironmentReader): readonly string[] {
  return listOf(
    read.text(
      'CORS_ORIGINS',
      'none',
      (value) => listOf(value).every(isWebOrigin),
      'web origins such as https://app.example.com,https://portal.example.com, each without a path or a slash at its end and never *, or none',
    ),
  );
}

function readRates(
  read: EnvironmentReader,
): Pick<Config, 'queryCostMax' | 'pointRates' | 'eventRate' | 'redisUrl'> {
  const queryCostMax = read.integer('QUERY_COST_MAX', QUERY_LIMITS.cost, {
    min: 1_000,
    max: POINTS_MAX,
  });
  // With fewer, the dearest operation that is allowed could never run.
  const limits = { min: queryCostMax, max: POINTS_MAX };
  return {
    queryCostMax,
    pointRates: {
      perKey: read.integer('RATE_POINTS_PER_KEY', Math.max(1_000_000, queryCostMax), limits),
      perAccount: read.integer(
        'RATE_POINTS_PER_ACCOUNT',
        Math.max(2_000_000, queryCostMax),
        limits,
      ),
    },
    eventRate: {
      perAccount: read.integer('RATE_EVENTS_PER_ACCOUNT', 1_000_000, {
        // With fewer, the largest call that is allowed could never be taken.
        min: EVENTS_PER_CALL_MAX,
        max: 999_999_999,
      }),
    },
    redisUrl: read.optional('REDIS_URL', isServerUrl(/^rediss?:$/), {
      expected: 'a Redis address such as redis://:password@host:6379/0 or rediss://host:6379',
      secret: true,
    }),
  };
}

function readTrustProxy(read: EnvironmentReader): TrustProxy {
  const isHops = (value: string): boolean => /^[1-9]$/.test(value);
  const value = read.text(
    'TRUST_PROXY',
    'none',
    (text) => isHops(text) || listOf(text).every(isNetwork),
    'the number of proxies before the gateway (1 to 9), their addresses or networks such as 10.0.0.7,192.168.0.0/16, or none',
  );
  if (isHops(value)) return Number(value);
  const networks = [...listOf(value)];
  return networks.length === 0 ? false : networks;
}

function isNetwork(value: string): boolean {
  const [address = ''] = value.split('/', 1);
  return isIP(address) !== 0 && (address === value || ipaddr.isValidCIDR(value));
}

function readLogins(read: EnvironmentReader): LoginUrls | null {
  const variables = ['DATABASE_LOGIN_URL', 'DATABASE_OPERATOR_LOGIN_URL'] as const;
  const [url, operatorUrl] = variables.map((variable) =>
    read.optional(variable, isPostgresUrl, {
      expected: 'an address such as postgres://user:password@host:5432/database',
      secret: true,
    }),
  );
  if (url && operatorUrl) return { url, operatorUrl };
  read.requireAllOrNone(variables);
  return null;
}

function readTrustedDocuments(read: EnvironmentReader): TrustedDocuments | null {
  const file = read.optional('TRUSTED_DOCUMENTS', (path) => manifestAt(path) !== null, {
    expected:
      'the path of a JSON file with documents by the SHA-256 of their text, as npm run codegen writes it',
    secret: false,
  });
  return file === null ? null : manifestAt(file);
}

function manifestAt(file: string): TrustedDocuments | null {
  try {
    return parseTrustedDocuments(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function readJwt(read: EnvironmentReader): JwtConfig | null {
  const isName = (value: string): boolean => /^[^\s\p{Cc}]+$/u.test(value);
  const jwksUrl = read.optional('JWKS_URL', isJwksUrl, {
    expected: 'an https address such as https://login.example.com/.well-known/jwks.json',
    secret: false,
  });
  const issuer = read.optional('JWT_ISSUER', isName, {
    expected: 'the iss of the tokens, such as https://login.example.com/',
    secret: false,
  });
  const audience = read.optional('JWT_AUDIENCE', isName, {
    expected: 'the aud of the tokens for this gateway, such as billing',
    secret: false,
  });
  const claims = {
    accountClaim: read.text('JWT_ACCOUNT_CLAIM', 'account', isName, 'the name of a claim'),
    scopeClaim: read.text('JWT_SCOPE_CLAIM', 'scope', isName, 'the name of a claim'),
    allowOperator: read.flag('JWT_ALLOW_OPERATOR', false),
  };
  if (jwksUrl !== null && issuer !== null && audience !== null) {
    return { jwksUrl, issuer, audience, ...claims };
  }
  read.requireAllOrNone(['JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE']);
  return null;
}

function readDoors(
  read: EnvironmentReader,
): Pick<Config, 'port' | 'host' | 'metrics' | 'doorLimits'> {
  const host = read.text('HOST', '127.0.0.1', isHost, 'an IP address or a host name');
  const metricsPort = read.integer('METRICS_PORT', 0, { min: 0, max: 65_535 });
  return {
    port: read.integer('PORT', 4000, { min: 0, max: 65_535 }),
    host,
    metrics: {
      token: read.optional('METRICS_TOKEN', isBootstrapSecret, {
        expected: BOOTSTRAP_SECRET_RULE,
        secret: true,
      }),
      listen: metricsPort === 0 ? null : { port: metricsPort, host },
    },
    doorLimits: {
      maxConnections: read.integer('MAX_CONNECTIONS', DEFAULT_DOOR_LIMITS.maxConnections, {
        min: 10,
        max: 1_000_000,
      }),
      maxBodyBytesInFlight: read.integer(
        'MAX_BODY_BYTES_IN_FLIGHT',
        DEFAULT_DOOR_LIMITS.maxBodyBytesInFlight,
        { min: 16 * 1024 * 1024, max: 999_999_999 },
      ),
    },
  };
}

function readAccountDefaults(read: EnvironmentReader): AccountDefaults {
  const { policy } = shippedDefaults;
  const level = (
    name: string,
    field: keyof PolicyRequest,
    { shippedMicro, expected }: { readonly shippedMicro: bigint; readonly expected: string },
  ): bigint => {
    const isLevel = (value: string): boolean =>
      isTaken(() => parsePolicy({ [field]: value }, policy));
    return parseMicro(read.text(name, formatMicro(shippedMicro), isLevel, expected));
  };
  const list = (name: string, shipped: readonly string[], rules: ListRules): readonly string[] =>
    listOf(
      read.text(name, shipped.join(','), (value) => rules.isList(listOf(value)), rules.expected),
    );
  const usageThresholds = list('DEFAULT_USAGE_THRESHOLDS', shippedDefaults.usageThresholds, {
    isList: (percents) => isTaken(() => firstThresholds(percents, [])),
    expected: 'percents above 0 and at most 1000 such as 50,70,80,90, 50 of them at most, or none',
  });
  const hoursToStop = list('DEFAULT_HOURS_TO_STOP', shippedDefaults.hoursToStop, {
    isList: (hours) => isTaken(() => firstThresholds(usageThresholds, hours)),
    expected:
      'hours above 0 and at most 8784 such as 24,2, with twice the DEFAULT_USAGE_THRESHOLDS 100 of them at most, or none',
  });
  return {
    policy: {
      lowCreditMicro: level('DEFAULT_LOW_CREDIT', 'lowCredit', {
        shippedMicro: policy.lowCreditMicro,
        expected: 'a number of credits, zero or more, with at most six decimals',
      }),
      negativeLimitMicro: level('DEFAULT_NEGATIVE_LIMIT', 'negativeLimit', {
        shippedMicro: policy.negativeLimitMicro,
        expected: 'a number of credits, zero or less, with at most six decimals',
      }),
      fineTuningMinimumMicro: level('DEFAULT_FINE_TUNING_MINIMUM', 'fineTuningMinimum', {
        shippedMicro: policy.fineTuningMinimumMicro,
        expected: 'a number of credits with at most six decimals',
      }),
    },
    usageThresholds,
    hoursToStop,
  };
}

interface ListRules {
  readonly isList: (values: readonly string[]) => boolean;
  readonly expected: string;
}

/** The entries of a list; empty for `none`. */
function listOf(value: string): readonly string[] {
  return value.trim() === 'none' ? [] : value.split(',').map((part) => part.trim());
}

// The API's rules for new accounts apply.
function isTaken(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

function isPostgresUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, pathname } = new URL(value);
  return /^postgres(ql)?:$/.test(protocol) && pathname.length > 1;
}

// Whoever answers there decides who may call, so nobody may answer in its stead.
function isJwksUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

// Only a form to which a path can be appended.
function isPublicUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '' && !/[?#]/.test(value);
}

function isSender(value: string): boolean {
  const address = /^[^<>\p{Cc}]*<([^<>]*)>$/u.exec(value)?.[1] ?? value;
  return /^[^\s@<>,;:"\p{Cc}]+@[^\s@<>,;:"\p{Cc}]+$/u.test(address);
}

function isHost(value: string): boolean {
  return /^[0-9A-Za-z.:_%-]+$/.test(value);
}
