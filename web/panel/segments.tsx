import type { ReactNode } from 'react';
import { rangeInput } from '../address/inputs.ts';
import { useAddress } from '../address/use-address.ts';
import { useOperation } from '../api/client.ts';
import {
  type SegmentPartsFragment,
  SegmentsDocument,
  type SegmentsQuery,
} from '@billing-gateway/client/operations';
import { useFigures } from '../figures/figures.ts';
import { ProblemNote } from '../ui/card.tsx';
import { Credits } from '../ui/credits.tsx';
import { Figure } from '../ui/figure.tsx';
import { Instant } from '../ui/instant.tsx';
import { ListTable } from '../ui/list-table.tsx';
import { useWords } from '../words/words.ts';
import type { HostedNode } from './nodes.ts';
import { PanelPaging } from './panel-paging.tsx';
import { usePages } from './use-pages.ts';

export const SEGMENTS_A_PAGE = 10;

type HardwareLine = HostedNode['usage']['hardware'][number];

export interface SegmentsProps {
  readonly resourceId: string;
  readonly line: HardwareLine;
}

/** The stretches of hosting that make up what one hardware profile cost. The panel's answer has the first of them. */
export function Segments({ resourceId, line }: SegmentsProps): ReactNode {
  const words = useWords().panel;
  const { range, timeZone } = useAddress();
  const asked = rangeInput(range, timeZone);
  const pages = usePages(JSON.stringify(asked));
  const isFirst = pages.after === null;
  const further = useOperation(
    SegmentsDocument,
    {
      id: resourceId,
      range: asked,
      firstSegments: SEGMENTS_A_PAGE,
      afterSegment: pages.after,
    },
    { pause: isFirst },
  );
  const page = isFirst ? line.segments : (pageOf(further.data, line) ?? line.segments);
  const title = words.segmentsOf(line.hardware.name);
  return (
    <div aria-busy={!isFirst && further.isLoading}>
      {!isFirst && further.problem !== null && (
        <ProblemNote problem={further.problem} onRetry={further.reload} />
      )}
      <SegmentTable title={title} segments={page.nodes} />
      <PanelPaging label={title} pages={pages} pageSize={SEGMENTS_A_PAGE} page={page} />
    </div>
  );
}

function pageOf(
  data: SegmentsQuery | null,
  { hardware: { id } }: HardwareLine,
): HardwareLine['segments'] | undefined {
  const node = data?.node;
  if (node == null || !('usage' in node)) return undefined;
  return node.usage.hardware.find(({ hardware }) => hardware.id === id)?.segments;
}

function SegmentTable({
  title,
  segments,
}: {
  readonly title: string;
  readonly segments: readonly SegmentPartsFragment[];
}): ReactNode {
  const words = useWords();
  return (
    <ListTable label={title} className="segments-table">
      <thead>
        <tr>
          <th scope="col" className="numeric">
            {words.quote.replicas}
          </th>
          <th scope="col" className="numeric">
            {words.panel.rate}
          </th>
          <th scope="col" className="numeric">
            {words.panel.time}
          </th>
          <th scope="col" className="numeric">
            {words.overview.credits}
          </th>
        </tr>
      </thead>
      {segments.map((segment) => (
        <Segment key={segment.from} segment={segment} />
      ))}
    </ListTable>
  );
}

function Segment({ segment }: { readonly segment: SegmentPartsFragment }): ReactNode {
  const figures = useFigures();
  const { replicas, creditsPerHour, time, credits } = segment;
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={4}>
          <Span segment={segment} />
        </th>
      </tr>
      <tr>
        <td className="numeric">
          <Figure path="segments.replicas" value={replicas}>
            {figures.count(replicas)}
          </Figure>
        </td>
        <td className="numeric">
          <Figure path="segments.creditsPerHour" value={creditsPerHour}>
            {figures.exactCredits(creditsPerHour)}
          </Figure>
        </td>
        <td className="numeric">
          <Figure path="segments.time" value={time}>
            {figures.duration(time)}
          </Figure>
        </td>
        <td className="numeric">
          <Credits path="segments.credits" value={credits} />
        </td>
      </tr>
    </tbody>
  );
}

/** From when to when, and where it is of more than the range or of a recorded period, of which. */
function Span({ segment }: { readonly segment: SegmentPartsFragment }): ReactNode {
  const words = useWords();
  const figures = useFigures();
  const { from, to, hostingFrom, running, source, eventId } = segment;
  const isOfOneDay = figures.day(from) === figures.day(to);
  const end = isOfOneDay ? figures.time(to) : figures.instant(to);
  return (
    <>
      <Instant at={from} /> – <Instant at={to}>{running ? words.range.now : end}</Instant>
      {hostingFrom !== from && (
        <span className="muted"> · {words.panel.began(figures.instant(hostingFrom))}</span>
      )}
      {source !== null && eventId !== null && (
        <span className="list-sub">{words.panel.recordedAs(source, eventId)}</span>
      )}
    </>
  );
}
