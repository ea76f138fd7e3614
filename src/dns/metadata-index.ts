// Instances by their metadata, in the form in which labels of a question stand: `value.key` and
// `key` alone, letters in lower case. A dot of a value or a key is one between labels.

import { labelText } from './guard.ts';
import { NAME_BYTES_MAX } from './protocol.ts';
import type { AppZone, InstanceName } from './zone.ts';

/** Instances by the labels before `kv._metadata.<app>`, joined by dots; none where a name ends. */
export type MetadataIndex = ReadonlyMap<string, readonly InstanceName[]>;

export function indexMetadata(app: AppZone): MetadataIndex {
  const index = new Map<string, InstanceName[]>();
  for (const [instances, started] of [
    [app.instances, true],
    [app.stopped, false],
  ] as const) {
    for (const instance of instances) {
      for (const name of namesOf(instance)) {
        addName(index, name);
        if (started) index.get(name)?.push(instance);
      }
    }
  }
  return index;
}

/** The names of an instance, without repetitions. */
function namesOf({ metadata }: InstanceName): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [key, value] of Object.entries(metadata)) {
    const name = metadataName(key);
    if (name === undefined) continue;
    names.add(name);
    const before = metadataName(value);
    if (before !== undefined) names.add(`${before}.${name}`);
  }
  return names;
}

/** Adds a name and those above it, which exist too (RFC 8020), to be filled by whom they name. */
function addName(index: Map<string, InstanceName[]>, name: string): void {
  for (let rest = name; !index.has(rest); rest = rest.slice(rest.indexOf('.') + 1)) {
    index.set(rest, []);
    if (!rest.includes('.')) return;
  }
}

/** Undefined for what no question can spell; a byte has a character at least. */
function metadataName(text: string): string | undefined {
  if (text.length > NAME_BYTES_MAX) return undefined;
  const labels = text.split('.');
  return labels.includes('') ? undefined : labels.map(labelOf).join('.');
}

function labelOf(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return labelText(bytes, 0, bytes.length);
}
