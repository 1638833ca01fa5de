import type { MigrationInterface, QueryRunner } from 'typeorm';

// The pages of a list of accounts by their positions are cut from what its first page found.

export class KeepFleetViews1770150100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table fleet_view (
        view_id bigint generated always as identity primary key,
        made_at timestamptz(3) not null,
        question text not null,
        totals text not null,
        account_ids int[] not null,
        positions text[] not null,
        check (cardinality(account_ids) = cardinality(positions))
      );
      comment on table fleet_view is 'Accounts in an order, with their positions at one instant, for the pages after the first; kept for minutes.';
      comment on column fleet_view.made_at is 'The instant that the positions are of.';
      grant select, insert, delete on fleet_view to billing_gateway, billing_operator;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table fleet_view');
  }
}
