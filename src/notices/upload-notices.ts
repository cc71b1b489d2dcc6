import { countOf, type Notice } from "./notice.ts";
import { isStartedLately, type NoticeFacts } from "./notice-facts.ts";

/** Which uploads were refused in the last 24 hours, and could have been kept. */
export function uploadNotices(facts: NoticeFacts): Notice[] {
  return facts.refusedUploads.flatMap(({ team, code, lastDay }) => {
    const worded = lastDay > 0 ? wordingOf(code, team?.slug) : undefined;
    if (!worded) return [];
    const { why, ...notice } = worded;
    const whose = team === undefined ? "" : ` of team ${team.slug}`;
    const were = lastDay === 1 ? "was" : "were";
    return [
      {
        ...notice,
        message: `${countOf(lastDay, "upload")}${whose} ${were} refused ${whenOf(code, facts)}: ${why}`,
        ...(team && { team: team.slug, teamId: team.id }),
      },
    ];
  });
}

function whenOf(code: string | undefined, facts: NoticeFacts): string {
  if (!isStartedLately(facts)) return "in the last 24 hours";
  return code === undefined ? "in the last 24 hours, before the server's start" : "since the server's start";
}

type Wording = Omit<Notice, "message" | "team"> & { why: string };

function wordingOf(code: string | undefined, team: string | undefined): Wording | undefined {
  const slug = team ?? "SLUG";
  switch (code) {
    case undefined:
      return {
        code: "refused_uploads",
        severity: "warning",
        title: "Uploads were refused",
        why: "size, quota or want of room; which of them, is not kept.",
        remedy: `\`larder du\` says who uses what. Raise \`maxSize\` or \`maxArtifactSize\`, or the quota with \`larder team set ${slug} --quota SIZE\`.`,
      };
    case "no_space":
      return {
        code: "refused_no_space",
        severity: "critical",
        title: "Uploads found no room",
        why: "the disk, the server's limit or the team's quota was full, and room could not be made in time.",
        remedy: "Raise `maxSize` or free some space on the disk; `larder du` says who uses what.",
      };
    case "team_over_limit":
      return {
        code: "refused_over_quota",
        severity: "critical",
        title: "Uploads were over the quota",
        why: "the team had used up its quota, where its rule is to refuse, or its state is over_limit.",
        remedy: `\`larder team set ${slug} --quota SIZE\` gives it more, \`larder team set ${slug} --quota-rule evict\` lets its oldest artifacts go, \`larder purge --team ${slug} --older-than 30d\` makes room.`,
      };
    case "too_large":
      return {
        code: "refused_too_large",
        severity: "warning",
        title: "Uploads were too large",
        why: "they were larger than an artifact may be, or than there could ever be room for.",
        remedy:
          "Raise `maxArtifactSize` (and, if need be, `maxSize`), or leave large outputs out of the cache.",
      };
    case "larger_than_quota":
      return {
        code: "refused_larger_than_quota",
        severity: "warning",
        title: "Uploads were larger than the quota allows",
        why: "each alone was more than the team's quota, or more than untrusted uploads may take of it.",
        remedy: `\`larder team set ${slug} --quota SIZE\` gives it more; or leave large outputs out of the cache.`,
      };
    case "signature_required":
      return {
        code: "refused_unsigned",
        severity: "warning",
        title: "Uploads were not signed",
        why: "the team takes signed artifacts only.",
        remedy: `Let its builds sign, or let it take others too with \`larder team set ${slug} --require-tag off\`.`,
      };
    default:
      // Those that a client can mend by itself, such as a wrong token's, are no matter of the server.
      return undefined;
  }
}
