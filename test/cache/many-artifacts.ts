import { Database } from "bun:sqlite";
import { join } from "node:path";

/**
 * Fills an empty cache with artifacts whose bytes lie nowhere, of half as many blobs: the first and the last point at the first blob, the
 * second and the last but one at the second. Each was written at the time of its number, by one of 2500 tokens.
 */
export function fill({ folder, team }: { folder: string; team: { id: string } }, artifacts: number): void {
  using database = new Database(join(folder, "larder.db"));
  database.run("PRAGMA busy_timeout = 5000");
  const numbers = "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ?)";
  database.run(
    `insert into blobs (id, sha256, size_bytes, created_at) ${numbers} select n, printf('%064d', n), 10, 0 from numbers`,
    [artifacts / 2],
  );
  database.run(
    `insert into artifacts (id, team_id, tool, scope, hash, blob_id, duration_ms, written_by, created_at)
    ${numbers} select n, ?, 'turbo', '', 'h' || n, min(n, ${artifacts + 1} - n), 0, 'tok_' || (n % 2500), n from numbers`,
    [artifacts, team.id],
  );
}
