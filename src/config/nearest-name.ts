/** The known name that was most likely meant, or undefined if none is near. Case, `-` and `_` do not count. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  const plain = plainName(written);
  let nearest: string | undefined;
  let nearestEdits = Math.ceil(plain.length * 0.4) + 1;
  for (const name of known) {
    const edits = editsBetween(plain, plainName(name));
    if (edits < nearestEdits) [nearest, nearestEdits] = [name, edits];
  }
  return nearest;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "");
}

/** Levenshtein distance. */
function editsBetween(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const removed = (previous[column] as number) + 1;
      const added = (current[column - 1] as number) + 1;
      current.push(Math.min(replaced, removed, added));
    }
    previous = current;
  }
  return previous[to.length] as number;
}
