import { encodeId, unknownId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { loadCatalogue } from './catalogue.service.ts';
import { hardwareNode, type HardwareProfileType } from './catalogue.types.ts';

/** Profiles by hardware id. A request reads the catalogue once. An unknown id is NOT_FOUND. */
export const hardwareLoader = loader<number, HardwareProfileType>(async (_tx, ids, context) => {
  // The loader may run twice in a request; the second run finds the catalogue already read.
  const nodes = await context.once(readNodes);
  return ids.map((id) => nodes.get(id) ?? unknownId(encodeId('HardwareProfile', null, id)));
});

async function readNodes(
  context: RequestContext,
): Promise<ReadonlyMap<number, HardwareProfileType>> {
  const { nowMs } = context;
  const priced = await loadCatalogue(await context.reader());
  return new Map(
    priced.map(({ profile, rates }) => [profile.hardwareId, hardwareNode(profile, rates, nowMs)]),
  );
}
