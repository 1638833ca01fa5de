import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foldText } from '../src/core/text.ts';

// What accounts are searched by is folded by the gateway: lower() follows the database's locale.

const ACCOUNTS_AT_A_TIME = 5_000;

interface Named {
  readonly account_id: number;
  readonly name: string;
  readonly external_id: string | null;
}

export class FoldAccountNames1770150000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table account add column folded_name text, add column folded_external_id text;
      comment on column account.folded_name is 'Null where a gateway of an earlier version created the account.';
    `);
    let afterId = 0;
    for (;;) {
      const accounts = (await queryRunner.query(
        'select account_id, name, external_id from account where account_id > $1 order by account_id limit $2',
        [afterId, ACCOUNTS_AT_A_TIME],
      )) as readonly Named[];
      const last = accounts.at(-1);
      if (last === undefined) return;
      afterId = last.account_id;
      await queryRunner.query(
        `update account a set folded_name = f.name, folded_external_id = f.external_id
         from unnest($1::int[], $2::text[], $3::text[]) as f (account_id, name, external_id)
         where a.account_id = f.account_id`,
        [
          accounts.map((account) => account.account_id),
          accounts.map((account) => foldText(account.name)),
          accounts.map((account) => account.external_id && foldText(account.external_id)),
        ],
      );
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'alter table account drop column folded_name, drop column folded_external_id',
    );
  }
}
