import { encodeId, unknownId } from '../core/identity.ts';
import type { Tx } from '../db/database.ts';
import { Key } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { loadCatalogue } from './catalogue.service.ts';
import { hardwareNode, type HardwareProfileType } from './catalogue.types.ts';

const NODES = new Key<Promise<ReadonlyMap<number, HardwareProfileType>>>('catalogue');

/** Profiles by hardware id; the catalogue is read once a request. An unknown id is NOT_FOUND. */
export const hardwareLoader = loader<number, HardwareProfileType>(async (tx, ids, context) => {
  // Two ticks of one request may ask for different ids: the second one finds the catalogue already read.
  const nodes = await context.once(NODES, () => readNodes(tx, context.nowMs));
  return ids.map((id) => nodes.get(id) ?? unknownId(encodeId('HardwareProfile', 0, id)));
});

async function readNodes(tx: Tx, nowMs: number): Promise<ReadonlyMap<number, HardwareProfileType>> {
  const priced = await loadCatalogue(tx);
  return new Map(
    priced.map(({ profile, rates }) => [profile.hardwareId, hardwareNode(profile, rates, nowMs)]),
  );
}
