// The fields of the log: those that the source writes stand in the README's table, and no others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesBelow, readText } from './tree.ts';

/** What a call spreads into its fields. */
const SPREAD: Readonly<Record<string, readonly string[]>> = {
  'report.refused': ['offload', 'where', 'error'],
};
/** Of every line, by pino. */
const ALWAYS = ['level', 'time', 'msg'];

const written = new Set(ALWAYS);
for (const { text } of filesBelow('src', '.ts')) {
  for (const { index, 0: call } of text.matchAll(/[lL]ogger\.(?:debug|info|warn|error)\(/g)) {
    const [message = '', fields = ''] = partsOf(text, index + call.length);
    assert.match(message, /^(?:'[^']+'|message|.+\? '.+)$/s, `a constant message: ${message}`);
    for (const part of fields.startsWith('{') ? partsOf(fields, 1) : []) {
      const spread = SPREAD[part.replace(/^\.\.\./, '')];
      for (const name of spread ?? [part.split(':')[0] ?? '']) written.add(name.trim());
    }
  }
}

/** The parts of a list that begins at `start`, apart by commas, up to the bracket that ends it. */
function partsOf(text: string, start: number): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const one = text[at] ?? '';
    if (quote !== '') quote = one === quote ? '' : quote;
    else if ('\'"`'.includes(one)) quote = one;
    else if ('([{'.includes(one)) depth += 1;
    else if (')]}'.includes(one)) depth -= 1;
    if (depth < 0) break;
    if (one === ',' && depth === 0 && quote === '') parts.push('');
    else parts[parts.length - 1] += one;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

test('the README says every field of the log, and no other', () => {
  const table = readText('README.md').split('\n## Log\n')[1]?.split('\n## ')[0] ?? '';
  const said = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  assert.deepEqual([...new Set(said)].sort(), [...written].sort());
  assert.equal(new Set(said).size, said.length, 'each stands once');
});
