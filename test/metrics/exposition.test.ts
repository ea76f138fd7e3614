// The metrics as Prometheus reads them: each has its words once, its own labels and no others, and
// every reading is of its moment.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import {
  METRICS,
  type MetricName,
  type Sample,
  type Samples,
} from '../../src/metrics/definitions.ts';
import { Exposition } from '../../src/metrics/exposition.ts';
import { parseExposition } from '../fakes/prometheus.ts';

const NAMES = Object.keys(METRICS) as MetricName[];

/** One sample of each metric, with awkward label values. */
function everything(value: number): Samples {
  return new Map(
    NAMES.map((name): [MetricName, Sample[]] => {
      const labels = METRICS[name]?.labels ?? [];
      const entries = labels.map((label) => [label, `a "b"\\\n${label}`]);
      return [name, [{ labels: Object.fromEntries(entries), value }]];
    }),
  );
}

test('every metric is exposed with its help, its type and its labels', async () => {
  const families = parseExposition(await new Exposition(async () => everything(7)).text());
  for (const [name, { type, labels, help }] of Object.entries(METRICS)) {
    const family = families.get(name);
    assert.equal(family?.type, type, name);
    assert.equal(family.help, `${help}.`);
    assert.equal(family.samples.length, 1, name);
    assert.deepEqual(Object.keys(family.samples[0]?.labels ?? {}), labels);
    assert.equal(family.samples[0]?.value, 7);
  }
  assert.ok(families.has('process_resident_memory_bytes'));
  assert.ok(families.has('nodejs_eventloop_lag_p99_seconds'));
});

test('a reading is of its moment: nothing of the one before is added', async () => {
  let value = 5;
  const exposition = new Exposition(async () => everything(value));
  await exposition.text();
  value = 6;
  const families = parseExposition(await exposition.text());
  for (const name of NAMES) assert.equal(families.get(name)?.samples[0]?.value, 6, name);
});

test('a metric that is not defined is a mistake of ours', async () => {
  const samples: Samples = new Map([['p6n_unheard_of', [{ value: 1 }]]]);
  await assert.rejects(new Exposition(async () => samples).text(), /p6n_unheard_of/);
});

test('names follow the rules of Prometheus', () => {
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    assert.match(name, /^p6n(?:_[a-z0-9]+)+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(help, /\.$/, name);
  }
});

const PROMTOOL = spawnSync('promtool', ['--version']).status === 0;

test('promtool finds nothing wrong', { skip: !PROMTOOL && 'no promtool here' }, async () => {
  const input = await new Exposition(async () => everything(1)).text();
  // It dislikes names of prom-client's own, which are not ours to change.
  const own = input.split('\n').filter((line) => /^(?:# \w+ )?p6n_/.test(line));
  execFileSync('promtool', ['check', 'metrics'], { input: `${own.join('\n')}\n` });
});
