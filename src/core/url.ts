import { UserInputError, type ErrorPath } from './errors.ts';
import { parseText } from './text.ts';

const URL_LENGTH_MAX = 2_048;

/** Whether a text is a web origin as browsers send it: `https://host`, or `https://host:port` with an unusual port. */
export function isWebOrigin(text: string): boolean {
  return /^https?:[^*]*$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Tells whether a text is the address of a server, by its schemes ("smtps:"). */
export function isServerUrl(schemes: RegExp): (text: string) => boolean {
  return (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, hostname } = new URL(text);
    return schemes.test(protocol) && hostname !== '';
  };
}

/** A URL for records that many read: what may hold a secret (user and password, query, fragment) is «…». */
export function withoutSecrets(href: string): string {
  return href
    .replace(/^([^:/?#]*:\/\/)[^/?#]*@/, '$1…@')
    .replace(/\?[^#]+/, '?…')
    .replace(/#.+/, '#…');
}

/**
 * A URL; what is kept of it is its `href`: normalised, with all that a URL cannot hold percent-encoded, so no line break.
 * @throws UserInputError when it is none, is too long (as it is kept, too), or cannot be stored
 */
export function parseUrl(text: string, path: ErrorPath): URL {
  parseText(text, path, URL_LENGTH_MAX);
  if (!URL.canParse(text)) {
    throw new UserInputError(`${String(path.at(-1))} is not an absolute URL.`, { path });
  }
  const url = new URL(text);
  parseText(url.href, path, URL_LENGTH_MAX);
  return url;
}
