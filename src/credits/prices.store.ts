import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn, instantColumn } from '../db/columns.ts';
import type { Tx } from '../db/database.ts';
import { at, bigValue, intValue, sqlMs, textValue } from '../db/decode.ts';
import { rowReader, selectList, type Shape } from '../db/shape.ts';
import { sql } from '../db/sql.ts';
import type { CreditPrice } from './prices.ts';

@Entity('credit_price')
export class CreditPriceRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'price_id', type: 'int' }) priceId!: number;
  @Column({ name: 'currency', type: 'text' }) currency!: string;
  @Column({ name: 'list_micro', ...bigintColumn }) listMicro!: bigint;
  @Column({ name: 'contracted_micro', ...bigintColumn }) contractedMicro!: bigint;
  @Column({ name: 'effective_from', ...instantColumn }) fromMs!: number;
  @Column({ name: 'set_at', ...instantColumn }) setAtMs!: number;
}

const PRICE: Shape<CreditPrice> = {
  accountId: ['p.account_id', intValue],
  priceId: ['p.price_id', intValue],
  currency: ['p.currency', textValue],
  listMicro: ['p.list_micro::text', bigValue],
  contractedMicro: ['p.contracted_micro::text', bigValue],
  fromMs: [sqlMs('p.effective_from'), intValue],
  setAtMs: [sqlMs('p.set_at'), intValue],
};
const readPrice = rowReader(PRICE);

/** All prices of some accounts, replaced ones too, by account and in the order in which they were set. */
export async function loadPrices(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly CreditPrice[]> {
  const rows = await tx.query(sql`/* credits.loadPrices */ select ${selectList(PRICE)}
     from credit_price p where p.account_id = any(${accountIds}::int[]) order by p.account_id, p.price_id`);
  return rows.map(readPrice);
}

/** Adds a price. Its account is locked. */
export async function insertPrice(tx: Tx, price: CreditPrice): Promise<void> {
  await tx.query(sql`/* credits.insertPrice */ insert into credit_price
       (account_id, price_id, currency, list_micro, contracted_micro, effective_from, set_at)
     values (${price.accountId}, ${price.priceId}, ${price.currency}, ${price.listMicro}, ${price.contractedMicro},
       ${at(price.fromMs)}, ${at(price.setAtMs)})`);
}
