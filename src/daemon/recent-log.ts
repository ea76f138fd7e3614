// The last lines that p6nd has logged, for who looks for what has happened: bounded, oldest first.

const LINES_MAX = 4_000;
const CHARACTERS_MAX = 1_048_576;

export class RecentLog {
  readonly #lines: string[] = [];
  #characters = 0;

  add(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
    while (this.#lines.length > LINES_MAX || this.#characters > CHARACTERS_MAX) {
      this.#characters -= this.#lines.shift()?.length ?? 0;
    }
  }

  lines(): readonly string[] {
    return [...this.#lines];
  }
}
