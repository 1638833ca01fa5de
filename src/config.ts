// The environment as one checked value. Every variable is checked before any is used. So a wrong set-up is reported at once
// and in full, and nothing starts with half of it.

import { INGEST_AHEAD_MAX_SECONDS } from './recording/event.ts';
import { isBootstrapSecret, BOOTSTRAP_SECRET_RULE } from './access/key.ts';
import type { JwtConfig } from './access/jwt.service.ts';
import { isLoopbackHost } from './partners/webhook.ts';
import { GatewayError } from './core/errors.ts';
import { isServerUrl } from './core/url.ts';
import { formatMicro, parseMicro } from './core/micro.ts';
import {
  type AccountDefaults,
  parsePolicy,
  type PolicyRequest,
  shippedDefaults,
} from './credits/policy.ts';
import { firstThresholds } from './credits/thresholds.ts';
import type { HttpOptions } from './http/options.ts';
import type { EventRate } from './http/rates.ts';
import { ConfigError, EnvironmentReader, listOf } from './environment.ts';
import { readHttpOptions } from './http-config.ts';
import { EVENTS_PER_CALL_MAX } from './recording/event.ts';
import {
  AUDIT_DAYS_MIN,
  RETENTION_DAYS_MAX,
  type Retention,
  retentionDefaults,
} from './retention/retention.ts';
import { ISSUER_NAME } from './statements/statement.ts';
import { parseWebhookKeys } from './webhook-key.ts';

/** The addresses of the pools' logins: of that which acts for accounts, and that which acts for operators. */
export interface LoginUrls {
  readonly url: string;
  readonly operatorUrl: string;
  /** Of the accounts' login for connections that listen: past a pooler, if `url` leads to one. */
  readonly listenUrl: string;
}

export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Null: the embedded database under `dataDir`. */
  readonly databaseUrl: string | null;
  /** A standby of it, which answers reads; null: there is none. */
  readonly databaseReadUrl: string | null;
  /** The pools' logins; null: the gateway makes them. */
  readonly databaseLogins: LoginUrls | null;
  readonly databasePoolSize: number;
  /** Whether connections keep statements prepared. */
  readonly databasePrepares: boolean;
  readonly dataDir: string;
  readonly seedDemo: boolean;
  /** Null: the first start makes one and prints it. */
  readonly bootstrapOperatorKey: string | null;
  readonly http: HttpOptions;
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
  /** Who issues statements, as they name it. */
  readonly issuerName: string;
  /** Who makes the services available, as FOCUS names it. */
  readonly providerName: string;
  /** Who produced the services, as FOCUS names it. */
  readonly publisherName: string;
  /** Of 32 bytes each; empty: those of the embedded database's folder, and none for another database. */
  readonly webhookSecretKeys: readonly Buffer[];
  /** Whether webhooks may be sent to this machine itself, and by http. */
  readonly webhookAllowLoopback: boolean;
  /** Null: JWTs are not taken. */
  readonly jwt: JwtConfig | null;
  readonly eventRate: EventRate;
  readonly retention: Retention;
  /** Null: each gateway counts by itself. */
  readonly redisUrl: string | null;
}

/**
 * The configuration that `env` describes. A variable that is unset or empty takes its default; unknown ones are ignored.
 * Secrets are never part of a message.
 * @throws ConfigError naming every bad variable and what it should be
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const read = new EnvironmentReader(env);
  const database = readDatabase(read);
  const publicUrl = read.optional('PUBLIC_URL', isPublicUrl, {
    expected:
      'an http or https address without a user, a query or a fragment, such as https://billing.example.com',
    secret: false,
  });
  const host = read.text('HOST', '127.0.0.1', isHost, 'an IP address or a host name');
  const config: Config = {
    port: read.integer('PORT', 4000, { min: 0, max: 65_535 }),
    host,
    ...database,
    dataDir: read.text('DATA_DIR', '.data', (value) => value.trim() !== '', 'the path of a folder'),
    seedDemo: read.flag('SEED_DEMO', database.databaseUrl === null),
    bootstrapOperatorKey: read.optional('BOOTSTRAP_OPERATOR_KEY', isBootstrapSecret, {
      expected: BOOTSTRAP_SECRET_RULE,
      secret: true,
    }),
    http: readHttpOptions(read, host),
    ingestWindowDays: read.integer('INGEST_WINDOW_DAYS', 400, { min: 1, max: 3_660 }),
    ingestAheadSeconds: read.integer('INGEST_AHEAD_SECONDS', 300, {
      min: 0,
      max: INGEST_AHEAD_MAX_SECONDS,
    }),
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
    ...readNames(read),
    webhookSecretKeys: readWebhookKeys(read),
    webhookAllowLoopback: read.flag('WEBHOOK_ALLOW_LOOPBACK', false),
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
    jwt: readJwt(read),
    retention: readRetention(read),
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

function readRetention(read: EnvironmentReader): Retention {
  const days = (name: string, kind: keyof Retention, min = 1): number =>
    read.integer(name, retentionDefaults[kind], { min, max: RETENTION_DAYS_MAX, orZero: true });
  return {
    deliveriesDays: days('RETENTION_DELIVERIES_DAYS', 'deliveriesDays'),
    emailsDays: days('RETENTION_EMAILS_DAYS', 'emailsDays'),
    exportsDays: days('RETENTION_EXPORTS_DAYS', 'exportsDays'),
    jobsDays: days('RETENTION_JOBS_DAYS', 'jobsDays'),
    auditDays: days('RETENTION_AUDIT_DAYS', 'auditDays', AUDIT_DAYS_MIN),
  };
}

type DatabaseConfig = Pick<
  Config,
  'databaseUrl' | 'databaseReadUrl' | 'databaseLogins' | 'databasePoolSize' | 'databasePrepares'
>;

function readDatabase(read: EnvironmentReader): DatabaseConfig {
  const databaseUrl = read.optional('DATABASE_URL', isPostgresUrl, {
    expected: 'a PostgreSQL address such as postgres://user:password@host:5432/database',
    secret: true,
  });
  return {
    databaseUrl,
    databaseReadUrl: readReadUrl(read, databaseUrl),
    databaseLogins: readLogins(read),
    databasePoolSize: read.integer('DATABASE_POOL_SIZE', 16, { min: 1, max: 500 }),
    databasePrepares: read.flag('DATABASE_PREPARE', true),
  };
}

function readReadUrl(read: EnvironmentReader, databaseUrl: string | null): string | null {
  const url = read.optional('DATABASE_READ_URL', isPostgresUrl, {
    expected: 'the address of a standby, such as postgres://replica:5432/database',
    secret: true,
  });
  if (url !== null && databaseUrl === null) {
    read.problems.push(
      'DATABASE_READ_URL is set without DATABASE_URL; it must be a standby of the database that DATABASE_URL names.',
    );
  }
  return url;
}

function readNames(
  read: EnvironmentReader,
): Pick<Config, 'issuerName' | 'providerName' | 'publisherName'> {
  const issuerName = readName(read, 'ISSUER_NAME', ISSUER_NAME);
  const providerName = readName(read, 'PROVIDER_NAME', issuerName);
  return {
    issuerName,
    providerName,
    publisherName: readName(read, 'PUBLISHER_NAME', providerName),
  };
}

function readName(read: EnvironmentReader, variable: string, shipped: string): string {
  return read.text(variable, shipped, isLine, 'a name of at most 200 characters, in one line');
}

function readWebhookKeys(read: EnvironmentReader): readonly Buffer[] {
  const keys = read.optional('WEBHOOK_SECRET_KEY', (value) => parseWebhookKeys(value) !== null, {
    expected:
      '32 random bytes in base64, such as `openssl rand -base64 32` makes, or several such keys with commas between them',
    secret: true,
  });
  return keys === null ? [] : (parseWebhookKeys(keys) ?? []);
}

function readLogins(read: EnvironmentReader): LoginUrls | null {
  const variables = ['DATABASE_LOGIN_URL', 'DATABASE_OPERATOR_LOGIN_URL'] as const;
  const [url, operatorUrl, listenUrl] = [...variables, 'DATABASE_LISTEN_URL'].map((variable) =>
    read.optional(variable, isPostgresUrl, {
      expected: 'an address such as postgres://user:password@host:5432/database',
      secret: true,
    }),
  );
  if (url && operatorUrl) return { url, operatorUrl, listenUrl: listenUrl ?? url };
  read.requireAllOrNone(listenUrl ? [...variables, 'DATABASE_LISTEN_URL'] : variables);
  return null;
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

function isLine(value: string): boolean {
  return /^[^\p{Cc}\p{Zl}\p{Zp}]{1,200}$/u.test(value) && value.trim() === value;
}

function isHost(value: string): boolean {
  return /^[0-9A-Za-z.:_%-]+$/.test(value);
}
