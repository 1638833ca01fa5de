import type { MigrationInterface, QueryRunner } from 'typeorm';

// As it was, but for its language: Citus plans no statement of a function in SQL that takes a parameter.

const ERASE_TEXTS = `
  create or replace function erase_guarded_texts(closed_account int) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
    begin
      if not exists (select from public.account where account_id = closed_account and closed_at is not null) then
        return;
      end if;
      update public.audit_entry
      set summary = action || '.', changes = '[]', request_id = null, address = null,
        actor = case when actor ~ '^(key|portal):[0-9]+$' or actor = 'gateway' then actor else 'erased' end
      where account_id = closed_account;
      update public.email set to_addresses = '{}', subject = '', text = '', html = '', last_error = null
      where account_id = closed_account;
      update public.api_key set name = 'Erased', origins = '{}' where account_id = closed_account;
    end $$;
`;

const ERASE_TEXTS_BEFORE = `
  create or replace function erase_guarded_texts(closed_account int) returns void
    language sql security definer set search_path = pg_catalog, pg_temp
    as $$
      update public.audit_entry
      set summary = action || '.', changes = '[]', request_id = null, address = null,
        actor = case when actor ~ '^(key|portal):[0-9]+$' or actor = 'gateway' then actor else 'erased' end
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
      update public.email set to_addresses = '{}', subject = '', text = '', html = '', last_error = null
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
      update public.api_key set name = 'Erased', origins = '{}'
      where account_id = $1
        and exists (select from public.account where account_id = $1 and closed_at is not null);
    $$;
`;

export class EraseWhereDistributed1770400430000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(ERASE_TEXTS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(ERASE_TEXTS_BEFORE);
  }
}
