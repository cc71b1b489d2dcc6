import type { Origin } from "../api/types.ts";

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
