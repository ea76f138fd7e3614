// A strict reader of Prometheus' text format 0.0.4, as far as p6nd writes it.

import assert from 'node:assert/strict';

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

const SAMPLE_PATTERN = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[0-9.eE+-]+|[Nn]a[Nn]|[+-]Inf)$/;
const LABEL_PATTERN = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/gy;

/** The families by name; fails where the text breaks the format. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  const series = new Set<string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, kind, named = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.ok(!helps.has(named), `help of ${named} stands once`);
      helps.set(named, rest);
    } else if (kind === 'TYPE') {
      assert.ok(!families.has(named), `type of ${named} stands once`);
      assert.match(rest, /^(?:counter|gauge|histogram|summary|untyped)$/);
      const help = helps.get(named);
      assert.ok(help !== undefined && help !== '', `${named} has help`);
      families.set(named, { name: named, help, type: rest, samples: [] });
    } else {
      const [, name = '', inner = '', value = ''] = SAMPLE_PATTERN.exec(line) ?? [];
      const family = families.get(name) ?? families.get(name.replace(/_(?:sum|count|bucket)$/, ''));
      assert.ok(family !== undefined, `a sample of a family: ${line}`);
      assert.equal(family, [...families.values()].at(-1), `${name} stands with its family`);
      assert.ok(!series.has(`${name}{${inner}}`), `series ${name}{${inner}} stands once`);
      series.add(`${name}{${inner}}`);
      family.samples.push({ name, labels: parseLabels(inner), value: Number(value) });
    }
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const { 0: whole, 1: name = '', 2: value = '', index } of text.matchAll(LABEL_PATTERN)) {
    assert.equal(index, end, `labels: ${text}`);
    end += whole.length;
    labels[name] = value.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  }
  assert.equal(end, text.length, `labels: ${text}`);
  return labels;
}
