// The canonical form of JSON (RFC 8785), which is defined by how JavaScript writes JSON: names in the order of their UTF-16 code
// units, no blanks.

/** The one text of a value of JSON, whose UTF-8 is what is hashed and signed. @param value its numbers are whole */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
  return `{${members.join(',')}}`;
}
