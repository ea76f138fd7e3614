// The Debian package: lintian finds nothing wrong, and what it installs on a fresh copy of this
// machine runs, and goes again.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { must, run, SKIP_REASON } from '../e2e/site.ts';
import { ROOT } from '../house/tree.ts';
import { isInstalled } from './container-engines.ts';

const skip = SKIP_REASON || (!isInstalled('dpkg-deb') && 'needs dpkg-deb');

describe('the Debian package', { skip, timeout: 600_000 }, () => {
  let folder: string;
  let root: string;
  let file: string;
  const inside = (line: string) => run('chroot', root, 'sh', '-ec', line);
  const mustInside = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await inside(line);
    assert.equal(code, 0, `${line}: ${stderr}${stdout}`);
    return stdout;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'p6n-package-'));
    await must('mount', '-t', 'tmpfs', 'p6n-package', folder);
    await must(join(ROOT, 'scripts/package/deb.sh'), folder);
    file = join(folder, readdirSync(folder).find((name) => name.endsWith('.deb')) ?? '');
    root = join(folder, 'root');
    for (const name of ['root', 'upper', 'work']) mkdirSync(join(folder, name));
    const layers = `lowerdir=/,upperdir=${folder}/upper,workdir=${folder}/work`;
    await must('mount', '-t', 'overlay', '-o', layers, 'p6n-package', root);
    for (const name of ['proc', 'dev'])
      await must('mount', '--rbind', `/${name}`, join(root, name));
    await must('cp', file, join(root, 'p6n.deb'));
  });
  after(async () => {
    for (const name of ['proc', 'dev']) await run('umount', '-l', join(root, name));
    await run('umount', '-l', root);
    await run('umount', '-l', folder);
    await run('rmdir', folder);
  });

  test('lintian finds nothing wrong', async (context) => {
    if (!isInstalled('lintian')) return context.skip('no lintian here');
    const { code, stdout } = await run('lintian', '--fail-on', 'error,warning', file);
    assert.equal(code, 0, stdout);
  });

  test('installs, runs and goes', async () => {
    // Node.js need not be a package here.
    await mustInside('dpkg --force-depends -i /p6n.deb');
    const { version } = JSON.parse(await must('cat', join(ROOT, 'package.json'))) as {
      version: string;
    };
    for (const program of ['p6nd', 'p6nctl']) {
      assert.equal((await mustInside(`cd / && ${program} --version`)).trim(), version);
    }
    const config = await mustInside('P6N_CONFIG=/etc/p6n/p6nd.json p6nd check-config --name one');
    assert.match(config, /"stateDir": "\/var\/lib\/p6n"/);
    const conffiles = await mustInside('dpkg-query --status p6n');
    assert.match(conffiles, /\/etc\/p6n\/p6nd\.json/);
    await mustInside('test -s /usr/share/bash-completion/completions/p6nctl');
    await mustInside('man -l /usr/share/man/man8/p6nd.8.gz > /dev/null || true');
    await mustInside('mkdir -p /var/lib/p6n && dpkg --purge p6n');
    await mustInside('test ! -e /usr/bin/p6nd && test ! -e /var/lib/p6n && test ! -e /etc/p6n');
  });
});
