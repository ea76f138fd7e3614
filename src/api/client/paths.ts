// Paths of the API and their queries.

type Query = Readonly<Record<string, string | undefined>>;

export function path(collection: string, name: string): string {
  return `${collection}/${encodeURIComponent(name)}`;
}

export function withQuery(target: string, query: Query): string {
  const pairs = Object.entries(query)
    .filter((pair): pair is [string, string] => pair[1] !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? target : `${target}?${pairs.join('&')}`;
}

/** The value of a switch in a query. */
export function flag(value: boolean): '1' | undefined {
  return value ? '1' : undefined;
}
