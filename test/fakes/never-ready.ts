// Loaded into a p6nd before its own code: it tells servers that it is there, and never that it is
// ready for the next key of another host.

const { stringify } = JSON;
JSON.stringify = ((value: unknown, ...others: []): string => {
  const isHeartbeat = typeof value === 'object' && value !== null && 'acknowledged' in value;
  return stringify(isHeartbeat ? { ...value, acknowledged: [] } : value, ...others);
}) as typeof JSON.stringify;
