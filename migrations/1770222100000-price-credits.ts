import type { MigrationInterface, QueryRunner } from 'typeorm';

// What a credit costs an account in money. Prices are only ever added: of those for one instant the last one counts.

const TABLE = `
  create table credit_price (
    account_id int not null references account,
    price_id int not null check (price_id > 0),
    currency text collate "C" not null check (currency ~ '^[A-Z]{3}$'),
    list_micro bigint not null check (list_micro >= 0),
    contracted_micro bigint not null check (contracted_micro >= 0),
    effective_from timestamptz(3) not null,
    set_at timestamptz(3) not null,
    primary key (account_id, price_id)
  );
  comment on column credit_price.list_micro is 'Millionths of the currency for a credit.';
  comment on column credit_price.contracted_micro is 'Millionths of the currency for a credit.';
  comment on column credit_price.set_at is 'The now of the account at which the price was set.';
  grant select, insert on credit_price to billing_gateway, billing_operator;
`;

const OF_ACCOUNT = `account_id = nullif(current_setting('billing.account_id', true), '')::int`;

const PROTECT = `
  alter table credit_price enable row level security, force row level security;
  create policy of_account on credit_price to billing_gateway using (${OF_ACCOUNT}) with check (${OF_ACCOUNT});
  create policy of_operators on credit_price to billing_operator using (true) with check (true);
  create policy of_owner on credit_price to current_user using (true) with check (true);
`;

export class PriceCredits1770222100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(TABLE);
    await queryRunner.query(PROTECT);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table credit_price');
  }
}
