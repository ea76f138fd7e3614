// The word that somebody may have meant.

/** More edits than this and two words are not alike. */
const EDITS_MAX = 2;

/** The one of `known` that is most like `word`, or undefined when none is. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { readonly one: string; readonly edits: number } | undefined;
  for (const one of known) {
    const edits = distance(word, one);
    if (edits <= EDITS_MAX && edits < one.length && edits < (best?.edits ?? Infinity)) {
      best = { one, edits };
    }
  }
  return best?.one ?? known.find((one) => word.length > 1 && one.startsWith(word));
}

/** Levenshtein's distance: insertions, deletions and replacements from one text to the other. */
function distance(source: string, target: string): number {
  let previous = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...source].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...target].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      const inserted = (current[column] ?? 0) + 1;
      const deleted = (previous[column + 1] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, deleted));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
