import type { MigrationInterface, QueryRunner } from 'typeorm';

// Partners may ask for a message that tells of nothing, to try their endpoint.

export class TestWebhooks1770220000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`alter type webhook_event add value 'WEBHOOK_TEST'`);
  }

  // A value of an enum cannot be dropped, so the type is made anew.
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      delete from webhook_delivery where event::text = 'WEBHOOK_TEST';
      alter type webhook_event rename to former_webhook_event;
      create type webhook_event as enum
        ('ALERT_RAISED', 'DEPLOYMENT_STARTED', 'DEPLOYMENT_CHANGED', 'DEPLOYMENT_STOPPED', 'CYCLE_CLOSED');
      alter table webhook_endpoint alter events type webhook_event[] using events::text[]::webhook_event[];
      alter table webhook_delivery alter event type webhook_event using event::text::webhook_event;
      drop type former_webhook_event;
    `);
  }
}
