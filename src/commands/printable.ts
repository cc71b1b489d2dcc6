/** Control, format and separator characters, which a terminal would obey or which pass for other text; not the line feed. */
const unprintable = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** The same with such characters as JSON escapes them, such as `\u001b`. JSON stays the same JSON. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(unprintable, (character) =>
      [...Array(character.length).keys()]
        .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
        .join(""),
    );
}

/** For one cell of a table, which has one line. */
export function printableCell(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}
