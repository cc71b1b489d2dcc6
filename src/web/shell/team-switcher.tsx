import { useSearchParams } from "wouter";
import { useMe } from "./me.tsx";

/** Chooses the team whose figures are shown. Stands in the address, so that a link shows the same. */
export function TeamSwitcher() {
  const { me, team } = useMe();
  const [, setParams] = useSearchParams();
  if (me.teams.length === 0) return null;
  if (me.teams.length === 1 && !me.isServerAdmin) {
    return <span className="truncate text-sm font-medium">{me.teams[0]?.name}</span>;
  }
  return (
    <label className="flex min-w-0 items-center gap-2 text-sm">
      <span className="text-soft max-sm:sr-only">Team</span>
      <select
        className="input min-w-0 max-w-52 truncate"
        value={team?.slug ?? ""}
        onChange={({ target }) =>
          setParams((params) => {
            const changed = new URLSearchParams(params);
            if (target.value === "") changed.delete("team");
            else changed.set("team", target.value);
            return changed;
          })
        }
      >
        <option value="">All teams</option>
        {me.teams.map(({ id, slug, name }) => (
          <option key={id} value={slug}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
