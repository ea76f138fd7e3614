// The rules of the house that a formatter does not know: headers, widths, words, the map.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesBelow, readText } from './tree.ts';

const COLUMNS_MAX = 100;
const CODE_LINES_MAX = 400;
const BANNED: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\b\w+Manager\b/, instead: 'name what it does or holds' },
  { pattern: /\b\w+Helper\b/, instead: 'name what it does' },
  { pattern: /\bTODO\b/, instead: 'an issue' },
  { pattern: /\bFIXME\b/, instead: 'an issue' },
  { pattern: /\bno longer\b/i, instead: 'a description of the code, not of its change' },
  { pattern: /\bdata ?gram packet\b/i, instead: 'datagram (outer) or packet (inner)' },
];

const sources = filesBelow('src', '.ts');
const typescript = [...sources, ...filesBelow('test', '.ts')];

test('every file starts with a comment that says what it is', () => {
  for (const file of typescript) {
    assert.match(file.text, /^(?:#![^\n]*\n)?\/\/ \S.{20,}/, `${file.path}: no header comment`);
  }
});

test('no line is longer than 100 columns', () => {
  for (const file of [...typescript, ...filesBelow('scripts', '.sh')]) {
    for (const [index, line] of file.text.split('\n').entries()) {
      assert.ok(line.length <= COLUMNS_MAX, `${file.path}:${index + 1}: ${line.length} columns`);
    }
  }
});

test('no file of src/ has more than 400 lines of code', () => {
  for (const file of sources) {
    const code = file.text.split('\n').filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line));
    assert.ok(code.length <= CODE_LINES_MAX, `${file.path}: ${code.length} lines of code`);
  }
});

test('words that say nothing do not occur', () => {
  for (const file of typescript.filter((one) => !one.path.startsWith('test/house/'))) {
    for (const { pattern, instead } of BANNED) {
      const match = pattern.exec(file.text);
      assert.equal(match, null, `${file.path}: "${match?.[0]}": write ${instead}`);
    }
  }
});

test('file names are not utils, types or index', () => {
  for (const file of typescript) {
    assert.doesNotMatch(file.path, /\/(?:utils?|types|helpers?|index|common|misc)\.ts$/, file.path);
  }
});

test('every folder of src/ stands on the map', () => {
  const map = readText('src/README.md');
  const folders = new Set(sources.map((file) => file.path.split('/').slice(1, -1).join('/')));
  for (const folder of folders) {
    assert.ok(map.includes(`\`${folder}/\``), `src/README.md does not name \`${folder}/\``);
  }
});

test('every dependency has a reason on the map', () => {
  const map = readText('src/README.md');
  const manifest = JSON.parse(readText('package.json')) as Record<string, Record<string, string>>;
  for (const [name, version] of Object.entries({
    ...manifest['dependencies'],
    ...manifest['devDependencies'],
  })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name}: ${version} is not an exact version`);
    assert.match(map, new RegExp(`^\\| \`${name}\` +\\| \\w`, 'm'), `no reason for ${name}`);
  }
});
