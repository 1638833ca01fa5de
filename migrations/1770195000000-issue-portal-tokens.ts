import type { MigrationInterface, QueryRunner } from 'typeorm';

// Portal tokens are keys for one account's pages. They are found and ended as keys are, and deleted once they have expired.

export class IssuePortalTokens1770195000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table api_key
        add is_portal_token boolean not null default false,
        add parent_key_id int,
        add origins text[] not null default '{}',
        add check (not is_portal_token or expires_at is not null);
      comment on column api_key.parent_key_id is 'Of a portal token: the key that made it. Revoking that key revokes the token.';
      comment on column api_key.origins is 'Of a portal token: the web origins that may use it. Empty: those of the configuration.';
      create index api_key_portal_expiry on api_key (expires_at) where is_portal_token;
      create index api_key_portal_parent on api_key (parent_key_id) where is_portal_token;
      create index api_key_portal_origins on api_key using gin (origins) where is_portal_token;
      grant delete on api_key to billing_gateway, billing_operator;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      revoke delete on api_key from billing_gateway, billing_operator;
      delete from api_key where is_portal_token;
      alter table api_key drop origins, drop parent_key_id, drop is_portal_token;
    `);
  }
}
