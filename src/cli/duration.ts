// Times as people write them: `90s`, `30m`, `1h30m`, `7d`.

import { P6nError } from '../base/errors.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};
const DURATION_PATTERN = /^(?:[0-9]{1,6}[dhms])+$/;
const PART_PATTERN = /([0-9]+)([dhms])/g;

/** Milliseconds of a duration; throws VALUE_INVALID unless it is one from `minMs` to `maxMs`. */
export function parseDuration(
  text: string,
  limits: { readonly minMs: number; readonly maxMs: number },
): number {
  if (!DURATION_PATTERN.test(text)) throw invalid(text, 'it has no form that is known');
  let total = 0;
  for (const [, count, unit] of text.matchAll(PART_PATTERN)) {
    total += Number(count) * (UNITS_MS[unit ?? ''] ?? 0);
  }
  const { maxMs, minMs } = limits;
  if (total < minMs) throw invalid(text, `the shortest is ${formatDuration(minMs)}`);
  if (total > maxMs) throw invalid(text, `the longest is ${formatDuration(maxMs)}`);
  return total;
}

/** The time in its two largest units: `1h30m`, `42s`, `0s`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1_000)) * 1_000;
  const parts: string[] = [];
  for (const [unit, unitMs] of Object.entries(UNITS_MS)) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.length === 0 ? '0s' : parts.slice(0, 2).join('');
}

function invalid(text: string, reason: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use "${text}" as a time: ${reason}`, {
    hint: 'Write times like 90s, 30m, 1h30m or 7d.',
  });
}
