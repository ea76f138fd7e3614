// The files of the project as the house tests see them.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's top folder; compiled tests run from dist/test/house. */
export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url));

export interface SourceFile {
  /** Relative to the top folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every file below `folder` whose name ends with one of `endings`, ordered by path. */
export function filesBelow(folder: string, ...endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The specifiers of all static and dynamic imports of a TypeScript file. */
export function importsOf(file: SourceFile): string[] {
  const pattern = new RegExp(
    [
      String.raw`(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'`,
      String.raw`import\(\s*'([^']+)'\s*\)`,
      String.raw`(?:^|\n)import\s*'([^']+)'`,
    ].join('|'),
    'g',
  );
  return [...file.text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
