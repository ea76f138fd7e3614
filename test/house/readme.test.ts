// The README is true: every command in it exists, with every option that it shows.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, readText } from './tree.ts';

const blocks = [...readText('README.md').matchAll(/```sh\n([\s\S]*?)```/g)].map(
  (match) => match[1],
);
const inline = [...readText('README.md').matchAll(/`((?:p6nctl|p6nd|npm run|\.\/scripts)[^`]*)`/g)];
const lines = [...blocks.flatMap((block) => block?.split('\n') ?? []), ...inline.map((m) => m[1])]
  .map((line) => (line ?? '').replace(/\s#.*$/, '').trim())
  .filter((line) => line !== '');

/** Nouns that are commands themselves. */
const ALONE: readonly string[] = [
  'capture',
  'completion',
  'doctor',
  'events',
  'explain',
  'ping',
  'proxy',
  'status',
];

/** The commands of p6nctl in the README, by `noun verb`, with the options that are shown. */
const shown = new Map<string, Set<string>>();
for (const line of lines) {
  for (const match of line.matchAll(/(?:^|\s|\/)p6nctl ([a-z][a-z ]*(?:-[a-z]+)?)([^|>]*)/g)) {
    const words = (match[1] ?? '').trim().split(' ');
    const options = (match[2] ?? '').split(' -- ')[0]?.match(/--[a-z-]+/g) ?? [];
    const command = words.slice(0, commandLength(words)).join(' ');
    shown.set(command, new Set([...(shown.get(command) ?? []), ...options]));
  }
}

test('the README shows commands', () => assert.ok(shown.size >= 5, `${shown.size} commands`));

for (const [command, options] of shown) {
  test(`p6nctl ${command} exists with the options that the README shows`, () => {
    const help = execute('p6nctl', [...command.split(' '), '--help']);
    assert.ok(help.includes(`p6nctl ${command}`), help);
    for (const option of options) assert.ok(help.includes(option), `${command} ${option}: ${help}`);
  });
}

test('p6nd has the flags that the README shows', () => {
  const help = execute('p6nd', ['--help']);
  for (const line of lines.filter((one) => /(?:^|\/)p6nd /.test(one))) {
    for (const option of line.match(/--[a-z-]+/g) ?? []) assert.ok(help.includes(option), option);
  }
});

test('scripts that the README runs exist', () => {
  const manifest = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
  for (const line of lines) {
    const script = /^npm run (\S+)/.exec(line)?.[1];
    if (script !== undefined) assert.ok(manifest.scripts[script], line);
    const path = /^(\.\/scripts\/\S+)/.exec(line)?.[1];
    if (path !== undefined) accessSync(join(ROOT, path), constants.X_OK);
  }
});

/** How many of the words name a command: nouns have verbs, `hosts invites` has a third word. */
function commandLength(words: readonly string[]): number {
  const [noun, verb] = words;
  if (ALONE.includes(noun ?? '')) return 1;
  return noun === 'hosts' && verb === 'invites' ? 3 : 2;
}

function execute(program: string, words: readonly string[]): string {
  return execFileSync(process.execPath, [join(ROOT, 'bin', program), ...words], {
    encoding: 'utf8',
  });
}

test('files that the map names exist', () => {
  const map = readText('src/README.md');
  const named = [...map.matchAll(/`((?:test\/)?[a-z0-9-]+(?:\/[a-z0-9.-]+)*\/[a-z0-9.-]+\.ts)`/g)];
  assert.ok(named.length >= 40, `${named.length} files`);
  for (const [, path = ''] of named) {
    accessSync(join(ROOT, path.startsWith('test/') ? '' : 'src', path));
  }
});
