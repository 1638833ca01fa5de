import type { MigrationInterface, QueryRunner } from 'typeorm';

// The cycle that an entry of the ledger counts in. Cycles are numbered from 1 and a CARRY_OVER ends each, so those that are
// there already count in the cycle after as many as were ended before them.

export class CycleOfEntries1770140000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table ledger_entry add column cycle_id int;
      update ledger_entry l set cycle_id = 1 + n.ended from (
        select account_id, sequence, count(*) filter (where kind = 'CARRY_OVER') over (
          partition by account_id order by sequence rows between unbounded preceding and 1 preceding) as ended
        from ledger_entry) n
        where n.account_id = l.account_id and n.sequence = l.sequence;
      alter table ledger_entry alter column cycle_id set not null;
      create index ledger_entry_by_cycle on ledger_entry (account_id, cycle_id, sequence);
      comment on column ledger_entry.cycle_id is
        'The cycle that it counts in; what is booked at a cycle''s end, up to its CARRY_OVER, counts in the cycle that ends.';
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table ledger_entry drop column cycle_id');
  }
}
