import type { MigrationInterface, QueryRunner } from 'typeorm';

// Every table with account_id shows billing_gateway the rows of one account at a time: that of the transaction, which
// `billing.account_id` names, and without it none. billing_operator sees all, and so does the owner, who migrates. What only
// operators do, and what has rows of several accounts in one, is no longer billing_gateway's.

const TABLES = [
  'account',
  'alert',
  'alert_rule',
  'api_key',
  'audit_entry',
  'billing_cycle',
  'credit_allocation',
  'credit_request',
  'credit_state',
  'email',
  'former_row',
  'hosting_segment',
  'ledger_charge',
  'ledger_entry',
  'model',
  'resource',
  'rollup_state',
  'usage_by_account',
  'usage_by_resource',
  'usage_event',
  'webhook_delivery',
  'webhook_endpoint',
];

// The setting is an empty text after the transaction that set it. A sub-select around it would be planned with each statement,
// which costs more than reading the setting once for each scan and each row that is written.
const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

function protect(table: string): string {
  return `
    alter table ${table} enable row level security, force row level security;
    create policy of_account on ${table} to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
    create policy of_operators on ${table} to billing_operator using (true) with check (true);
    create policy of_owner on ${table} to current_user using (true) with check (true);
  `;
}

function open(table: string): string {
  return `
    drop policy of_owner on ${table};
    drop policy of_operators on ${table};
    drop policy of_account on ${table};
    alter table ${table} no force row level security, disable row level security;
  `;
}

// The comparison of an enum may be observed (it is not leakproof), so under a policy it is no condition of an index.
const IDENTITY = 'resource_account_id_external_id_kind_key';
const EARLIER_IDENTITY = 'resource_account_id_kind_external_id_key';

// Whose key it is must be found before the account is known. Whoever calls it knows the key.
const KEY_BY_SECRET = `
  create function key_by_secret(secret bytea) returns setof api_key
    language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp
    as 'select * from public.api_key where secret_sha256 = $1';
  revoke all on function key_by_secret(bytea) from public;
  grant execute on function key_by_secret(bytea) to billing_gateway;
`;

const OPERATORS_ALONE = `
  revoke insert on account, hardware_profile, hardware_rate from billing_gateway;
  revoke update (rate_micro_per_hour, set_at) on hardware_rate from billing_gateway;
  revoke delete on api_key from billing_gateway;
  revoke all on fleet_view from billing_gateway;
`;

const AS_BEFORE = `
  grant insert on account, hardware_profile, hardware_rate to billing_gateway;
  grant update (rate_micro_per_hour, set_at) on hardware_rate to billing_gateway;
  grant delete on api_key to billing_gateway;
  grant select, insert, delete on fleet_view to billing_gateway;
`;

export class ProtectRows1770210000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) await queryRunner.query(protect(table));
    await queryRunner.query(KEY_BY_SECRET);
    await queryRunner.query(OPERATORS_ALONE);
    await queryRunner.query(
      `alter table resource drop constraint ${EARLIER_IDENTITY},
         add constraint ${IDENTITY} unique (account_id, external_id, kind)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `alter table resource drop constraint ${IDENTITY},
         add constraint ${EARLIER_IDENTITY} unique (account_id, kind, external_id)`,
    );
    await queryRunner.query(AS_BEFORE);
    await queryRunner.query('drop function key_by_secret(bytea)');
    for (const table of TABLES) await queryRunner.query(open(table));
  }
}
