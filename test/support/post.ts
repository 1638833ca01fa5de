// Calls by HTTP, for tests that look at the answer itself.

export interface Posted {
  /** As JSON, unless it is a text. */
  readonly body: unknown;
  /** None: no key is sent. */
  readonly key?: string | null;
  /** Beside those that every call has, and instead of them. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | null;
}

/** Posts to a gateway's path, in the media types that belong there. */
export function post(
  origin: string,
  path: string,
  { body, key = null, headers = {}, signal = null }: Posted,
): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      accept: path === '/graphql/stream' ? 'text/event-stream' : 'application/json',
      'content-type': contentTypeOf(path, body),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal,
  });
}

function contentTypeOf(path: string, body: unknown): string {
  if (!path.startsWith('/v1/events')) return 'application/json';
  return `application/cloudevents${Array.isArray(body) ? '-batch' : ''}+json`;
}
