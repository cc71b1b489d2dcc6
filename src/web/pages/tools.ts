import { toolNamed, tools } from "../../tools.ts";

/** The build tools that can be asked for, as the API names them. */
export const toolChoices = tools.map(({ name, title }) => ({ value: name, label: title }));

export function toolTitle(tool: string): string {
  return toolNamed(tool)?.title ?? tool;
}
