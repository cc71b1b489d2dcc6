import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort, launch, type ServerKind, untilItAnswers } from "./server.ts";

/** Bare files over WebDAV: no tokens, no database, no hashing, no syncing. Undefined if it is not installed. */
export function nginx(): ServerKind | undefined {
  const program = Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
  if (program === null) return undefined;
  const about = Bun.spawnSync([program, "-V"]).stderr.toString();
  if (!about.includes("http_dav_module")) return undefined;
  return {
    name: "nginx",
    isLarder: false,
    version: /nginx\/(\S+)/.exec(about)?.[1] ?? "unknown",
    path: { before: "/", after: "" },
    headers: {},
    answersQueries: false,
    servesTurbo: false,
    async start(cwd) {
      const port = await freePort();
      const logFile = join(cwd, "error.log");
      const configFile = join(cwd, "nginx.conf");
      await mkdir(join(cwd, "data"), { recursive: true });
      await Bun.write(configFile, configuration(cwd, port));
      const child = launch({ command: [program, "-p", cwd, "-e", logFile, "-c", configFile], cwd, logFile });
      return untilItAnswers(child, `http://127.0.0.1:${port}`, logFile);
    },
  };
}

function configuration(folder: string, port: number): string {
  // Its worker would otherwise be a user who may not look into our temporary folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  // Named although only the first is used: the built-in places may not be writable.
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((what) => `${what}_temp_path ${join(folder, "tmp")};`)
    .join("\n  ");
  return `${user}
worker_processes 1;
daemon off;
pid ${join(folder, "nginx.pid")};
events { worker_connections 1024; }
http {
  ${temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port};
    root ${join(folder, "data")};
    client_max_body_size 0;
    log_not_found off;
    location / { dav_methods PUT; }
  }
}
`;
}
