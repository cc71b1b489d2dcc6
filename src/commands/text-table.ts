import { printableCell } from "./printable.ts";

/** Rows in columns that are as wide as their widest cell, two blanks apart. What a terminal would obey is escaped. */
export function textTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(printableCell));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
    }
  }
  const lines = rows.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)).join("  "));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - Bun.stringWidth(cell));
}
