import { encodeId, unknownId } from '../core/identity.ts';
import type { RequestContext } from '../graphql/context.ts';
import { loader } from '../graphql/loader.ts';
import { loadCatalogue } from './catalogue.service.ts';
import { hardwareNode, type HardwareProfileType } from './catalogue.types.ts';

/** Profiles by hardware id; the catalogue is read once a request. An unknown id is NOT_FOUND. */
export const hardwareLoader = loader<number, HardwareProfileType>(async (_tx, ids, context) => {
  // Two ticks of one request may ask for different ids: the second one finds the catalogue already read.
  const nodes = await context.once(readNodes);
  return ids.map((id) => nodes.get(id) ?? unknownId(encodeId('HardwareProfile', 0, id)));
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
