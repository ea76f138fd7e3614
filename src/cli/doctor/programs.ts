// Programs of the machine that tell a check what it wants to know.

import { execFile } from 'node:child_process';

const TIMEOUT_MS = 5_000;
const OUTPUT_BYTES_MAX = 16 * 1_048_576;

/** What a program writes; undefined where there is none, or it fails. */
export function outputOf(
  program: string,
  ...words: readonly string[]
): Promise<string | undefined> {
  const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve) => {
    execFile(program, [...words], options, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}

/** The objects that `ip -json` writes. */
export async function ipObjects<T>(...words: readonly string[]): Promise<readonly T[]> {
  const text = await outputOf('ip', '-json', ...words);
  if (text === undefined) throw new Error(`ip ${words.join(' ')} failed`);
  return text.trim() === '' ? [] : (JSON.parse(text) as readonly T[]);
}
