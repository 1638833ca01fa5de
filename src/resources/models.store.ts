import { Column, Entity, PrimaryColumn } from 'typeorm';
import { instantColumn } from '../db/columns.ts';
import { accountOf, rowsByAccount } from '../db/by-account.ts';
import type { Tx } from '../db/database.ts';
import { at, int, ms, msOrNull, oneOf, type Row, text } from '../db/decode.ts';
import { sql, type Sql, unnested } from '../db/sql.ts';
import { asTheyWere, keptBefore, type RowsAsOf } from './former-rows.store.ts';
import { type Model, modelTypes } from './resource.ts';

@Entity('model')
export class ModelRow {
  @PrimaryColumn({ name: 'account_id', type: 'int' }) accountId!: number;
  @PrimaryColumn({ name: 'model_id', type: 'int' }) modelId!: number;
  @Column({ name: 'external_id', type: 'text' }) externalId!: string;
  @Column({ name: 'name', type: 'text' }) name!: string;
  @Column({ name: 'type', type: 'text' }) type!: string;
  @Column({ name: 'created_at', ...instantColumn }) createdAtMs!: number;
  @Column({ name: 'last_event_at', ...instantColumn, nullable: true }) lastEventAtMs!:
    number | null;
}

// A model was last deployed when the latest of its deployments was.
function modelOf(account: Sql): Sql {
  return sql`m.account_id, m.model_id, m.external_id, m.name, m.type, m.created_at,
  (select max(greatest(r.deployed_at, r.hosted_from)) from resource r
   where r.account_id = ${account} and r.model_id = m.model_id) as last_deployed_at`;
}

/** The key of a model. */
export interface ModelAddress {
  readonly accountId: number;
  readonly modelId: number;
}

/** The models with these ids, in no order; unknown ids are left out. */
export async function loadModels(tx: Tx, refs: readonly ModelAddress[]): Promise<readonly Model[]> {
  const rows = await rowsByAccount(tx, refs, (asked) => {
    const account = accountOf(tx, asked, sql`k.account_id`);
    return tx.query(sql`/* resources.loadModels */ select ${modelOf(account)} from ${unnested(
      asked,
      {
        account_id: ['int', (ref) => ref.accountId],
        model_id: ['int', (ref) => ref.modelId],
      },
    )}
     join model m on m.account_id = ${account} and m.model_id = k.model_id`);
  });
  return rows.map(modelFromRow);
}

/** All models of some accounts, by account and id. */
export async function listModelsOf(
  tx: Tx,
  accountIds: readonly number[],
): Promise<readonly Model[]> {
  const rows = await rowsByAccount(tx, accountIds, (ids) =>
    tx.query(sql`/* resources.listModelsOf */ select ${modelOf(accountOf(tx, ids, sql`m.account_id`))} from model m
     where m.account_id = any(${ids}::int[]) order by m.account_id, m.model_id`),
  );
  return rows.map(modelFromRow);
}

/** All models of an account in an earlier version, by id. When their deployments were last deployed is the present value. */
export async function listModelsAsOf(tx: Tx, rows: RowsAsOf): Promise<readonly Model[]> {
  const models =
    await tx.query(sql`/* resources.listModelsAsOf */ select ${modelOf(sql`${rows.accountId}::int`)}
     from (select r.* ${asTheyWere('model', rows)}) m order by m.model_id`);
  return models.map(modelFromRow);
}

/** The ids of an account's models by external id, in the order asked; null where there is none. */
export async function resolveModelRefs(
  tx: Tx,
  accountId: number,
  externalIds: readonly string[],
): Promise<readonly (number | null)[]> {
  const found = new Map<string, number>();
  for (const model of await findModels(tx, accountId, externalIds)) {
    found.set(model.externalId, model.modelId);
  }
  return externalIds.map((externalId) => found.get(externalId) ?? null);
}

/** Which of these model ids the account has, in the order asked; null where there is no such model. */
export async function resolveModelIds(
  tx: Tx,
  accountId: number,
  modelIds: readonly number[],
): Promise<readonly (number | null)[]> {
  const rows = await tx.query(sql`/* resources.resolveModelIds */ select model_id from model
     where account_id = ${accountId} and model_id = any(${[...new Set(modelIds)]}::int[])`);
  const known = new Set(rows.map((row) => int(row, 'model_id')));
  return modelIds.map((modelId) => (known.has(modelId) ? modelId : null));
}

/** The account's models that have one of these external ids, in no order. */
export async function findModels(
  tx: Tx,
  accountId: number,
  externalIds: readonly string[],
): Promise<readonly Model[]> {
  const rows =
    await tx.query(sql`/* resources.findModels */ select ${modelOf(sql`${accountId}::int`)} from model m
     where m.account_id = ${accountId} and m.external_id = any(${[...new Set(externalIds)]}::text[])`);
  return rows.map(modelFromRow);
}

/** Inserts models of a locked account, and renames those that exist (have an id). */
export async function saveModels(
  tx: Tx,
  accountId: number,
  models: readonly Omit<Model, 'accountId' | 'lastDeployedAtMs'>[],
): Promise<void> {
  await tx.query(sql`/* resources.saveModels */ with given as (
       select * from ${unnested(models, {
         model_id: ['int', (model) => model.modelId],
         external_id: ['text', (model) => model.externalId],
         name: ['text', (model) => model.name],
         type: ['text', (model) => model.type],
         created_at: ['timestamptz', (model) => at(model.createdAtMs)],
       })}),
     ${keptBefore('model', accountId, sql`join given k using (model_id) where o.account_id = ${accountId} and o.name <> k.name`)}
     insert into model (account_id, model_id, external_id, name, type, created_at)
     select ${accountId}, given.* from given
     on conflict (account_id, model_id) do update set name = excluded.name`);
}

function modelFromRow(row: Row): Model {
  return {
    accountId: int(row, 'account_id'),
    modelId: int(row, 'model_id'),
    externalId: text(row, 'external_id'),
    name: text(row, 'name'),
    type: oneOf(row, 'type', modelTypes),
    createdAtMs: ms(row, 'created_at'),
    lastDeployedAtMs: msOrNull(row, 'last_deployed_at'),
  };
}
