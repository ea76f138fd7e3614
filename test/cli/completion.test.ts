// Completion of p6nctl's words, by itself and in the shells that are here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { candidates } from '../../src/cli/completion.ts';
import { COMPLETION_SCRIPTS, SHELLS } from '../../src/cli/completion-scripts.ts';
import { NOUNS } from '../../src/cli/nouns.ts';
import { ROOT } from '../house/tree.ts';

const CASES: readonly (readonly [words: string[], found: string[]])[] = [
  [['ne'], ['networks']],
  [['stat'], ['status']],
  [
    ['networks', ''],
    ['create', 'list', 'remove', 'show'],
  ],
  [['--socket', '/x', 'networks', 'cr'], ['create']],
  [
    ['hosts', 'invites', ''],
    ['list', 'revoke'],
  ],
  [
    ['explain', '--p'],
    ['--port', '--proto'],
  ],
  [['explain', '--proto', ''], []],
  [['--socket', ''], []],
  [['nonsense', ''], []],
  [['instances', 'run', '--', 'sle'], []],
  [['networks', 'create', '--js'], ['--json']],
];
for (const [words, found] of CASES) {
  test(`candidates() of "${words.join(' ')}" are ${found.join(' ') || 'none'}`, async () => {
    assert.deepEqual(await candidates(words), found);
  });
}

test('every noun, and every verb and option of it, is completed', async () => {
  assert.deepEqual(await candidates(['']), NOUNS.map(({ name }) => name).sort());
  for (const noun of NOUNS) {
    for (const { usage, options } of await noun.load()) {
      const verbs = usage.split(' ').filter((word) => /^[a-z]/.test(word));
      const before = verbs[0] === noun.name ? verbs : [noun.name, ...verbs];
      const found = await candidates([...before, '--']);
      for (const name of Object.keys(options ?? {})) {
        assert.ok(found.includes(`--${name}`), `${before.join(' ')} --${name}`);
      }
    }
  }
});

/** Has a shell complete `networks cr`, and prints what it would put there. */
const ASK: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `COMP_WORDS=(p6nctl networks cr); COMP_CWORD=2; _p6nctl; echo "\${COMPREPLY[@]}"`,
  zsh: `compadd() { echo "\${(P)2}" }; words=(p6nctl networks cr); CURRENT=3; _p6nctl`,
  fish: `complete -C 'p6nctl networks cr'`,
};
const BEFORE = { bash: '', zsh: 'compdef() { }\n', fish: '' };

for (const shell of SHELLS) {
  const skip = spawnSync(shell, ['-c', 'true']).status !== 0 && `no ${shell} here`;
  test(`${shell} completes by its script`, { skip }, () => {
    const script = `${BEFORE[shell]}${COMPLETION_SCRIPTS[shell]}\n${ASK[shell]}`;
    const { stdout, stderr } = spawnSync(shell, ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(ROOT, 'bin')}:${process.env['PATH']}` },
    });
    assert.equal(stdout.trim(), 'create', stderr);
  });
}
