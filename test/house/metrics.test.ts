// The table of metrics in the README, and the dashboard, say what p6nd counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../src/metrics/definitions.ts';
import { Exposition } from '../../src/metrics/exposition.ts';
import { parseExposition } from '../fakes/prometheus.ts';
import { readText } from './tree.ts';

test('the README lists every metric with its type and labels, and nothing else', () => {
  const rows = [
    ...readText('README.md').matchAll(/^\| `(p6n_\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm),
  ];
  const said = rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }));
  const real = Object.entries(METRICS).map(([name, { type, labels, help }]) => ({
    ...{ name, type, help },
    labels: labels.map((label) => `\`${label}\``).join(' '),
  }));
  assert.deepEqual(said, real);
});

test('the dashboard reads metrics that exist, by labels that they have', async () => {
  const text = readText('scripts/package/grafana.json');
  const dashboard = JSON.parse(text) as {
    panels: { targets?: { expr: string }[] }[];
    templating: { list: { type: string; query: string }[] };
  };
  const variables = dashboard.templating.list.filter(({ type }) => type === 'query');
  const queries = [
    ...variables.map(({ query }) => query),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];
  assert.ok(queries.length >= 12, `${queries.length} queries`);
  // Those of the process and its event loop are prom-client's to name.
  const all = parseExposition(await new Exposition(async () => new Map()).text());
  for (const query of queries) {
    const names = query.match(/\b(?:p6n|process|nodejs)_\w+/g) ?? [];
    assert.ok(names.length > 0, query);
    for (const name of names) assert.ok(all.has(name), `${name} in ${query}`);
    const labels = new Set(names.flatMap((name) => METRICS[name as `p6n_${string}`]?.labels ?? []));
    for (const name of ['job', 'instance', 'le', 'quantile']) labels.add(name);
    for (const [, list = ''] of query.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of list.split(/,\s*/)) assert.ok(labels.has(label), `${label} in ${query}`);
    }
    for (const [, label = ''] of query.matchAll(/[{,]\s*(\w+)\s*[=!]~?=?"/g)) {
      assert.ok(labels.has(label), `${label} in ${query}`);
    }
  }
});
