import { Link } from "wouter";
import type { Origin } from "../api/types.ts";
import { useMe } from "../shell/me.tsx";

const kinds: Record<string, string> = {
  token: "token",
  policy: "CI policy",
  environment: "token of the settings",
  anonymous: "without a token",
  user: "user",
  server: "the server",
};

/** Who did something: a token, a CI policy's job, or nobody who had to say so. */
export function OriginName({ origin }: { origin: Origin | null }) {
  if (!origin) return <span className="text-soft">unknown</span>;
  const kind = kinds[origin.kind] ?? origin.kind;
  if (!origin.name) return <span className="text-soft">{kind}</span>;
  return (
    <span className="[overflow-wrap:anywhere]">
      {origin.name} <span className="whitespace-nowrap text-soft">{kind}</span>
    </span>
  );
}

/** The same, as plain text. */
export function originLabel({ kind, name }: Origin): string {
  const word = kinds[kind] ?? kind;
  return name ? `${name} (${word})` : word;
}

/** What the API's filter `origin` calls it. */
export function originFilter({ id, kind }: Origin): string {
  return id || kind;
}

/** Its name, as the way to all of its runs. @param user whose token it is, who is named instead. */
export function OriginLink({ origin, user = null }: { origin: Origin; user?: string | null }) {
  const { href } = useMe();
  const runs = `/runs?${new URLSearchParams({ origin: originFilter(origin) })}`;
  return (
    <Link className="link" href={href(runs)}>
      {user ?? <OriginName origin={origin} />}
    </Link>
  );
}
