import type { MigrationInterface, QueryRunner } from 'typeorm';

// The gateway's role may change what changes, and nothing else: no key gets more scopes, no allocation another amount, no
// rate goes, and what was voided stays voided.

const ROLES = 'billing_gateway, billing_operator';

export class NarrowGrants1770197000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      revoke update on api_key, credit_allocation, hardware_profile, hardware_rate from ${ROLES};
      revoke delete on hardware_rate from ${ROLES};
      grant update (last_used_at, revoked_at) on api_key to ${ROLES};
      grant update (state, spent_micro, expires_at, voided_at, void_reason) on credit_allocation to ${ROLES};
      grant update (rate_micro_per_hour, set_at) on hardware_rate to ${ROLES};

      create function keep_voided() returns trigger language plpgsql as $$
        begin
          raise exception 'what was voided stays voided' using errcode = 'insufficient_privilege';
        end
      $$;
      create trigger keep_voided before update of voided_at on usage_event for each row
        when (old.voided_at is not null and new.voided_at is distinct from old.voided_at) execute function keep_voided();
      create trigger keep_voided before update of voided_at on hosting_segment for each row
        when (old.voided_at is not null and new.voided_at is distinct from old.voided_at) execute function keep_voided();
      create trigger keep_voided before update of voided_at on credit_allocation for each row
        when (old.voided_at is not null and new.voided_at is distinct from old.voided_at) execute function keep_voided();
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      drop trigger keep_voided on credit_allocation;
      drop trigger keep_voided on hosting_segment;
      drop trigger keep_voided on usage_event;
      drop function keep_voided();
      grant update on api_key, credit_allocation, hardware_profile, hardware_rate to ${ROLES};
      grant delete on hardware_rate to ${ROLES};
    `);
  }
}
