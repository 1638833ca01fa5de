import { expect, it } from '@jest/globals';
import { Replica, type ReplicaState } from '../../src/db/replica.ts';

it('A replica that never answered is told of, once.', async () => {
  const told: ReplicaState[] = [];
  // Nobody listens at this port.
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';
  const replica = new Replica({
    databaseUrl: nowhere,
    replicaUrl: nowhere,
    onChange: (state) => told.push(state),
  });
  await replica.look();
  await replica.look();
  await replica.stop();

  expect(told).toEqual(['UNREACHABLE']);
});
