import type { MigrationInterface, QueryRunner } from 'typeorm';

// Each entry of the ledger gets a hash that follows from it, from its charges and from the hash of the entry before
// (docs/statements.md). What is there already is chained here, account by account, by the same definition written in SQL.

// The items that an entry charged, as the gateway lists them: events, segments of periods among them, and posted hosting.
const CHARGES = `
  select string_agg(format('["%s",%s,"%s"]', item.of, item.id, item.amount), ',' order by item.of, item.id)
  from (
    select 'EVENT' as of, u.seq as id, sign * u.credits_micro::numeric as amount
    from usage_event u where u.account_id = account and u.seq between e.first_seq and e.last_seq
      and u.occurred_at >= credits_from
    union all
    select 'SEGMENT', s.segment_id, sign * (
      div(s.replicas::numeric * s.rate_micro_per_hour * (1000 * extract(epoch from s.to_at - s.from_at)), 3600000)
      - div(s.replicas::numeric * s.rate_micro_per_hour * (1000 * greatest(0,
          extract(epoch from least(s.to_at, credits_from) - s.from_at))), 3600000))
    from hosting_segment s where s.account_id = account and s.event_seq between e.first_seq and e.last_seq
    union all
    select 'SEGMENT', c.segment_id, -c.charged_micro::numeric
    from ledger_charge c where c.account_id = account and c.sequence = e.sequence
  ) item
  where item.amount <> 0`;

const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

const CHAIN = `
  create function pg_temp.chain_ledger(account int) returns void language plpgsql as $$
    declare
      e ledger_entry;
      credits_from timestamptz := (select a.credits_from from account a where a.account_id = account);
      charges text;
      last_hash bytea := decode(repeat('00', 32), 'hex');
      sign int;
    begin
      for e in select * from ledger_entry l where l.account_id = account order by l.sequence loop
        sign := case when e.kind = 'REVERSAL' then 1 else -1 end;
        charges := (${CHARGES});
        last_hash := sha256(last_hash || convert_to(concat(
          '{"account":', account, ',"allocation":', coalesce(e.allocation_id::text, 'null'),
          ',"amountMicro":"', e.amount_micro, '","balanceMicro":"', e.balance_micro,
          '","bookedAt":"', to_char(e.booked_at at time zone 'UTC', ${INSTANT}),
          '","charges":[', charges, '],"cycle":', e.cycle_id, ',"description":', to_json(e.description),
          ',"events":', case when e.first_seq is null then 'null' else format('[%s,%s]', e.first_seq, e.last_seq) end,
          ',"kind":"', e.kind, '","recordedAt":"', to_char(e.recorded_at at time zone 'UTC', ${INSTANT}),
          '","sequence":', e.sequence, '}'), 'UTF8'));
        update ledger_entry l set hash = last_hash where l.account_id = account and l.sequence = e.sequence;
      end loop;
      update credit_state c set last_ledger_hash = last_hash where c.account_id = account;
    end
  $$;
`;

export class ChainLedger1770222000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table ledger_entry add column hash bytea check (length(hash) = 32);
      alter table credit_state add column last_ledger_hash bytea not null
        default decode(repeat('00', 32), 'hex') check (length(last_ledger_hash) = 32);
      comment on column ledger_entry.hash is
        'SHA-256 of the hash of the entry before and of this entry with its charges (docs/statements.md).';
      comment on column credit_state.last_ledger_hash is 'The hash of the last entry; zeros while there is none.';
    `);
    await queryRunner.query(CHAIN);
    const accounts: unknown = await queryRunner.query(
      'select distinct account_id from ledger_entry order by account_id',
    );
    for (const { account_id: accountId } of accounts as { account_id: number }[]) {
      await queryRunner.query('select pg_temp.chain_ledger($1)', [accountId]);
    }
    await queryRunner.query(`
      drop function pg_temp.chain_ledger(int);
      alter table ledger_entry alter column hash set not null;
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table credit_state drop column last_ledger_hash;
      alter table ledger_entry drop column hash;
    `);
  }
}
