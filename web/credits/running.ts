import type {
  DeploymentQuoteInput,
  RunningDeploymentsQuery,
} from '@billing-gateway/client/operations';

type Node = NonNullable<RunningDeploymentsQuery['account']>['usage']['report']['nodes'][number];

/** A deployment that runs, and on what. */
export interface Deployment {
  readonly id: string;
  readonly name: string;
  readonly hardware: string;
  readonly replicas: number;
  /** Of all replicas. */
  readonly creditsPerHour: string;
}

/** What is asked of a quote: its input, and what the answer calls it. */
export interface Question {
  readonly input: DeploymentQuoteInput;
  readonly instead: Deployment | null;
}

/** The deployments of a report; what has ended since its figures were taken is left out. */
export function deploymentsOf(nodes: readonly Node[]): readonly Deployment[] {
  return nodes.flatMap(({ resource }) => {
    if (resource === null || !('hosting' in resource) || resource.hosting === null) return [];
    const { id, name, hosting } = resource;
    const { hardware, replicas, creditsPerHour } = hosting;
    return [{ id, name, hardware: hardware.name, replicas, creditsPerHour }];
  });
}
