// `p6nctl debug bundle`: one file with all that somebody else needs to find what is wrong with this
// host, and none of its secrets.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { P6nError } from '../../../base/errors.ts';
import { bundleFiles } from '../../bundle.ts';
import type { Command, CommandContext } from '../../command.ts';
import { patientOf } from '../../doctor/patient.ts';
import { printJson, visible } from '../../print.ts';
import { openPrivate } from '../../private-file.ts';
import { talk } from '../../terminal.ts';

const STANDARD_OUTPUT = '-';
const ARCHIVE_BYTES_MAX = 256 * 1_048_576;
const PRIVATE_FILE_MODE = 0o600;

interface BundleOptions extends CommandContext {
  /** The path of a file, `-` for standard output; undefined for a name by the time. */
  readonly target: string | undefined;
  readonly stateDir: string | undefined;
}

async function bundle(options: BundleOptions): Promise<void> {
  const { terminal, version, workingDirectory } = options;
  const time = new Date(options.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const target = options.target ?? `p6n-debug-${time}.tar.gz`;
  if (target === STANDARD_OUTPUT && terminal.colours.out) {
    throw new P6nError('USAGE', 'Cannot write a bundle to a terminal', {
      hint: 'Name a file with -o, or pipe the output.',
    });
  }
  const files = await bundleFiles(await patientOf(options), version);
  const archive = await pack(files);
  if (target === STANDARD_OUTPUT) return await terminal.out(archive);
  const path = resolve(workingDirectory, target);
  const file = await openPrivate(path);
  try {
    await file.writeFile(archive);
  } finally {
    await file.close();
  }
  await talk(options, `Wrote ${visible(path)}: ${files.size} files without secrets`);
  if (options.json) await printJson(options, { path, files: [...files.keys()] });
}

async function pack(files: ReadonlyMap<string, string>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-debug-'));
  try {
    for (const [name, text] of files) {
      await writeFile(join(folder, name), text, { mode: PRIVATE_FILE_MODE });
    }
    const { stdout } = await promisify(execFile)('tar', ['-czf', '-', '-C', folder, '.'], {
      encoding: 'buffer',
      maxBuffer: ARCHIVE_BYTES_MAX,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const BUNDLE: Command = {
  usage: 'bundle',
  summary: 'Write one file with what others need to find what is wrong, and no secrets',
  options: {
    output: { summary: 'File to write, - for standard output', value: 'FILE', short: 'o' },
    'state-dir': { summary: 'State folder, where p6nd does not run to say it', value: 'FOLDER' },
  },
  run: (context, words) =>
    bundle({
      ...context,
      target: words.optionalText('output'),
      stateDir: words.optionalText('state-dir'),
    }),
};
