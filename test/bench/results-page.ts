const begin = "<!-- results: written by `bun run bench --write` -->";
const end = "<!-- end of results -->";

/** The page with everything between the two markers replaced. @throws Error if it has not got both. */
export function replaceResults(page: string, results: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`The page has to have "${begin}", and below it "${end}".`);
  return `${page.slice(0, from + begin.length)}\n\n${results.trim()}\n\n${page.slice(to)}`;
}
