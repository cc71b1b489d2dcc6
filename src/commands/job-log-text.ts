/**
 * Somebody else's text for one line of a job's log, without what the CI's runner would obey there: GitHub takes `::` at the
 * start of a line and `##[` anywhere for a command (actions/runner 2.329, ActionCommand), Azure Pipelines `##vso[`, and
 * TeamCity `##teamcity[`.
 */
export function jobLogText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/^(\s*):(?=:)/, "$1: ")
    .replaceAll(/#(?=#\w*\[)/g, "# ");
}
