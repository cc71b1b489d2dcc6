import { randomBytes } from "node:crypto";
import { artifactUrl, type RunningServer, type ServerKind } from "../servers/server.ts";

/** Uploads the artifacts 0 to `keys` - 1, whose keys are their numbers in 16 hex digits, with distinct bodies. */
export async function seed(
  kind: ServerKind,
  server: RunningServer,
  keys: number,
  sizeBytes: number,
): Promise<void> {
  const body = randomBytes(sizeBytes);
  for (let key = 0; key < keys; key++) {
    const hash = key.toString(16).padStart(16, "0");
    body.write(hash);
    const headers = { ...kind.headers, "content-type": "application/octet-stream" };
    const answer = await fetch(artifactUrl(kind, server.url, hash), { method: "PUT", headers, body });
    if (!answer.ok) throw new Error(`An upload was answered with ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
  }
}
