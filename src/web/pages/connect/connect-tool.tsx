import { useId, useState } from "react";
import { Link } from "wouter";
import { call } from "../../api/call.ts";
import { useGet } from "../../api/queries.ts";
import type { Connect, CreatedToken, Lines } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { CodeLines, Copy } from "../../parts/copy.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";
import { useMe } from "../../shell/me.tsx";

/** What to paste where so that a build tool uses this server, with a token if one is wanted. */
export function ConnectTool({ teamSlug, tokenName }: { teamSlug: string; tokenName: string }) {
  const { isOwner, me } = useMe();
  const connect = useGet<Connect>("/connect", { team: teamSlug });
  const [toolName, setToolName] = useState<string>();
  const [token, setToken] = useState<CreatedToken>();
  const [error, setError] = useState<Error>();
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  if (connect.error) return <Failure error={connect.error} onRetry={() => void connect.refetch()} />;
  if (!connect.data) return <SkeletonLines />;
  const { tools } = connect.data;
  const tool = tools.find((one) => one.tool === toolName) ?? tools[0];
  if (!tool) return null;

  const own = me.teams.find(({ slug }) => slug === teamSlug);
  const permission = own?.permission === "read" && !isOwner(teamSlug) ? "read" : "write";

  async function makeToken() {
    setBusy(true);
    setError(undefined);
    try {
      // Whoever does not own the team gets one of their own, which may what they may.
      const team = isOwner(teamSlug) ? teamSlug : null;
      setToken(await call<CreatedToken>("POST", "/tokens", { body: { team, name: tokenName, permission } }));
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  }

  const lines = token ? tool.lines.map((each) => withToken(each, token.secret)) : tool.lines;
  return (
    <div className="space-y-4">
      {tools.length > 1 && (
        <fieldset className="flex flex-wrap gap-2">
          <legend className="sr-only">Build tool</legend>
          {tools.map((one) => (
            <Button
              key={one.tool}
              aria-pressed={one === tool}
              look={one === tool ? "primary" : "quiet"}
              onClick={() => setToolName(one.tool)}
            >
              {one.title}
            </Button>
          ))}
        </fieldset>
      )}
      <div aria-live="polite">
        {error && <Failure error={error} onRetry={() => void makeToken()} />}
        {token ? (
          <div className="appear rounded-lg bg-good-page p-3.5 text-good">
            <p id={id} className="font-semibold">
              The token, shown only now
            </p>
            <p className="mt-1 flex flex-wrap items-center gap-3">
              <code className="min-w-0 font-mono text-sm text-ink [overflow-wrap:anywhere]">
                {token.secret}
              </code>
              <Copy text={token.secret} what="the token" />
            </p>
            <p className="mt-1 text-sm text-ink">
              It stands in the lines below, too. Keep it as a secret of the repository; it never belongs into
              a file of it.
            </p>
          </div>
        ) : (
          <div className="flex flex-wrap items-center gap-3">
            <Button look="primary" isBusy={isBusy} onClick={() => void makeToken()}>
              Create a token
            </Button>
            <p className="text-sm text-soft">
              It may {permission === "read" ? "read" : "read and write"}, and is put into the lines below.
              {isOwner(teamSlug) && (
                <>
                  {" "}
                  CI jobs need none where a{" "}
                  <Link className="link" href={`/policies?${new URLSearchParams({ team: teamSlug })}`}>
                    CI policy
                  </Link>{" "}
                  takes them.
                </>
              )}
            </p>
          </div>
        )}
      </div>
      <div>
        {lines.map((each) => (
          <CodeLines key={each.title} lines={each} />
        ))}
      </div>
    </div>
  );
}

/** The lines with the token in the place that is left for it. */
function withToken(lines: Lines, secret: string): Lines {
  return { ...lines, text: lines.text.replaceAll("<your token>", secret) };
}
