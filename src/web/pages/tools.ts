/** The build tools that can be asked for, as the API names them. */
export const toolChoices = [{ value: "turbo", label: "Turborepo" }];

export function toolTitle(tool: string): string {
  return toolChoices.find(({ value }) => value === tool)?.label ?? tool;
}
