/** A build tool that larder serves. */
interface Tool {
  /** Under which its artifacts are kept and counted: the same in URLs, columns and metrics. */
  readonly name: string;
  /** For people to read. */
  readonly title: string;
  /** Of a file with the bytes of one of its artifacts. */
  readonly fileEnding: string;
}

export const turborepo = {
  name: "turbo",
  title: "Turborepo",
  fileEnding: ".tar.zst",
} as const satisfies Tool;

/** All of them. What has to know something of each asks here, or says it for every `ToolName`. */
export const tools = [turborepo] as const;

export type ToolName = (typeof tools)[number]["name"];

/** Undefined for one that this larder does not serve, such as of what another version has stored. */
export function toolNamed(name: string): Tool | undefined {
  return tools.find((tool) => tool.name === name);
}
