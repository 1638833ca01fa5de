import type { MigrationInterface, QueryRunner } from 'typeorm';

// What raises an alert is called an alert rule everywhere: in SQL as in the code.

export class NameAlertRules1770190000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table watch rename to alert_rule;
      alter table alert_rule rename column watch_id to rule_id;
      alter index watch_pkey rename to alert_rule_pkey;
      alter type watch_measure rename to alert_rule_measure;
      alter table alert rename column watch_id to rule_id;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table alert rename column rule_id to watch_id;
      alter type alert_rule_measure rename to watch_measure;
      alter index alert_rule_pkey rename to watch_pkey;
      alter table alert_rule rename column rule_id to watch_id;
      alter table alert_rule rename to watch;
    `);
  }
}
