// Stock servers with a schema in SDL and plain resolvers over the same rows. They use the gateway's scalars, so that
// printing a value costs all servers the same.

import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import fastify from 'fastify';
import mercurius from 'mercurius';
import { activeResourceNode } from '../../src/resources/resources.types.ts';
import {
  CreditsScalar,
  DateTimeScalar,
  DurationScalar,
  SafeIntScalar,
} from '../../src/graphql/scalars.ts';
import { totalsNode } from '../../src/views/usage.types.ts';
import { addFigures } from '../../src/views/sums.ts';
import { portOf } from '../support/gateway.ts';
import { ACCOUNT_ID, tabRows } from './page.ts';

const SDL = `
  scalar Credits
  scalar DateTime
  scalar Duration
  scalar SafeInt
  enum Preset { LAST_30_DAYS LAST_90_DAYS }
  enum Kind { WORKFLOW MODEL_DEPLOYMENT }
  enum Status { IN_DEVELOPMENT DEPLOYED UNDEPLOYED }
  input DateRangeInput { preset: Preset from: DateTime to: DateTime }
  type Query { account(id: ID): Account! }
  type Account { id: ID! usage(range: DateRangeInput): Usage! }
  type Usage { workflows(first: Int = 25): Workflows! }
  type Workflows { totalCount: Int! totals: Totals! pageInfo: PageInfo! nodes: [WorkflowUsage!]! }
  type Totals { count: Int! runs: SafeInt! credits: Credits! hostingTime: Duration! fineTuningCredits: Credits!
    hostingCredits: Credits! storageCredits: Credits! processingCredits: Credits! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! }
  type WorkflowUsage { workflow: Workflow! runs: SafeInt! lastActiveOn: DateTime }
  type Workflow { id: ID! externalId: String! name: String! kind: Kind! status: Status! owner: String
    createdAt: DateTime! lastActiveOn: DateTime }`;

function resolversOf(count: number) {
  const rows = tabRows(count);
  const totals = totalsNode(count, addFigures(rows.map((row) => row.figures)));
  const nodes = rows.map((row) => ({
    workflow: activeResourceNode(row.item, row.lastActiveAtMs),
    runs: Number(row.figures.runs),
    lastActiveOn: row.lastActiveAtMs,
  }));
  return {
    Credits: CreditsScalar,
    DateTime: DateTimeScalar,
    Duration: DurationScalar,
    SafeInt: SafeIntScalar,
    Query: { account: () => ({ id: ACCOUNT_ID }) },
    Account: { usage: () => ({}) },
    Usage: {
      workflows: (_usage: unknown, { first }: { readonly first: number }) => ({
        totalCount: count,
        totals,
        pageInfo: { hasNextPage: first < count, hasPreviousPage: false },
        nodes: nodes.slice(0, first),
      }),
    },
  };
}

/** Apollo Server on Express as its documentation sets it up. @returns its port */
export async function startApollo(count: number): Promise<number> {
  const apollo = new ApolloServer({ typeDefs: SDL, resolvers: resolversOf(count) });
  await apollo.start();
  const app = express();
  app.use('/graphql', express.json(), expressMiddleware(apollo));
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => {
      resolve(portOf(server.address()));
    });
  });
}

/** Mercurius on Fastify with its compiler on. @returns its port */
export async function startMercurius(count: number): Promise<number> {
  const server = fastify();
  await server.register(mercurius, { schema: SDL, resolvers: resolversOf(count), jit: 1 });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return portOf(server.server.address());
}
