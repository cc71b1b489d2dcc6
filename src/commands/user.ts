import { Command, InvalidArgumentError, Option } from "commander";
import { isoTime } from "../admin/iso-time.ts";
import { linkMaxAgeMs, type UserState, userJson, userState, userStates } from "../admin/user-json.ts";
import { checkEmail } from "../identity/email.ts";
import { memberRoles, type TeamRole } from "../identity/members.ts";
import { checkName } from "../identity/names.ts";
import { type User, type UserChange, type UserRole, userRoles } from "../identity/users.ts";
import { Refusal } from "../refusal.ts";
import { clientUrls } from "../server/client-urls.ts";
import type { CommandContext } from "./command-context.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { textTable } from "./text-table.ts";
import { type Data, withData, withNewData } from "./with-data.ts";

/** `larder user …` */
export function userCommand(context: CommandContext): Command {
  return new Command("user")
    .description("Create, list, change and delete the people who may sign in")
    .addHelpText(
      "after",
      "\nExample:\n  larder user create ann@example.org --team web=owner\n  larder user set ann@example.org --role admin",
    )
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(setCommand(context))
    .addCommand(resetLinkCommand(context))
    .addCommand(deleteCommand(context));
}

interface CreateOptions {
  name?: string;
  role: UserRole;
  team?: TeamRole[];
  json?: true;
}

function createCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "create",
    "Create a user and print a link with which to choose a password",
    'larder user create ann@example.org --name "Ann Archer" --team web=owner',
    ["publicUrl"],
  )
    .argument("<email>", "E-mail address to sign in with", checkedText(checkEmail))
    .option("--name <name>", "Name for people (default: what is before the @)", checkedText(checkName))
    .addOption(roleOption().default("member"))
    .addOption(teamOption())
    .action((email: string, options: CreateOptions) =>
      withNewData(context, command, async (data) => {
        const { name, role, team = [] } = options;
        const invited = { email, role, ...(name !== undefined && { name }) };
        const linkExpiresAt = Date.now() + linkMaxAgeMs;
        const { user, linkSecret } = await data.users.invite(invited, team, linkMaxAgeMs);
        const link = passwordLink(data, linkSecret, linkExpiresAt);
        if (options.json)
          context.stdout(jsonText({ ...(await userJson(user, data.members)), ...linkJson(link) }));
        else printLink(context, link, `Created user ${user.email} (${user.role}).`);
      }),
    );
  return command;
}

function listCommand(context: CommandContext): Command {
  const command = dataSubcommand("list", "List all users", "larder user list --json").action(
    (options: { json?: true }) =>
      withData(context, command, async (data) => {
        const users = await data.users.list();
        if (options.json) {
          context.stdout(jsonText(await Promise.all(users.map((user) => userJson(user, data.members)))));
          return;
        }
        const rows = await Promise.all(users.map((user) => userRow(data, user)));
        context.stdout(textTable([["EMAIL", "NAME", "ROLE", "STATE", "TEAMS", "LAST SIGN-IN"], ...rows]));
      }),
  );
  return command;
}

interface SetOptions {
  email?: string;
  name?: string;
  role?: UserRole;
  state?: UserState;
  team?: TeamRole[];
  json?: true;
}

function setCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "set",
    "Change a user, and in which teams the user is",
    "larder user set ann@example.org --state disabled\n  larder user set ann@example.org --team web=owner --team app=none",
  )
    .argument("<email>", "E-mail address or id of the user")
    .option("--email <email>", "New e-mail address", checkedText(checkEmail))
    .option("--name <name>", "New name", checkedText(checkName))
    .addOption(roleOption())
    .addOption(
      new Option("--state <state>", "Whether the user may sign in and the user's tokens count").choices(
        userStates,
      ),
    )
    .addOption(teamOption())
    .action(async (email: string, options: SetOptions) => {
      const change = changeOf(options);
      if (Object.keys(change).length === 0 && options.team === undefined) {
        throw new Refusal("bad_request", "Nothing to change. `larder user set --help` lists what can be.");
      }
      await withData(context, command, async (data) => {
        const user = await data.users.set(email, change, options.team);
        context.stdout(
          options.json ? jsonText(await userJson(user, data.members)) : `Changed user ${user.email}.\n`,
        );
      });
    });
  return command;
}

function resetLinkCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "reset-link",
    "Print a link with which a user can choose a new password; until then the old one counts",
    "larder user reset-link ann@example.org",
    ["publicUrl"],
  )
    .argument("<email>", "E-mail address or id of the user")
    .action((email: string, options: { json?: true }) =>
      withData(context, command, async (data) => {
        const user = await data.users.get(email);
        const linkExpiresAt = Date.now() + linkMaxAgeMs;
        const linkSecret = await data.users.createPasswordLink(user.id, linkMaxAgeMs);
        const link = passwordLink(data, linkSecret, linkExpiresAt);
        if (options.json) context.stdout(jsonText({ email: user.email, ...linkJson(link) }));
        else printLink(context, link, `Links for ${user.email} that were made before are void.`);
      }),
    );
  return command;
}

function deleteCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "delete",
    "Delete a user, with the user's sign-ins and tokens",
    "larder user delete ann@example.org --yes",
  )
    .argument("<email>", "E-mail address or id of the user")
    .option("--yes", "Really delete the user")
    .action((email: string, options: { yes?: true; json?: true }) =>
      withData(context, command, async (data) => {
        const user = await data.users.get(email);
        if (!options.yes) {
          throw new Refusal(
            "bad_request",
            `This would delete ${user.email} with all sign-ins and tokens. Nothing was deleted. Add --yes to delete it, ` +
              "or keep the user out with `larder user set … --state disabled`.",
          );
        }
        const json = await userJson(user, data.members);
        await data.users.delete(user.id);
        context.stdout(options.json ? jsonText(json) : `Deleted user ${user.email}.\n`);
      }),
    );
  return command;
}

function roleOption(): Option {
  return new Option("--role <role>", "On the whole server: an admin may do everything").choices(userRoles);
}

function teamOption(): Option {
  return new Option(
    "--team <team=role>",
    `Role in a team: ${memberRoles.join(", ")}, or none to leave it; can be given several times`,
  ).argParser((text: string, before: TeamRole[] = []) => [...before, parseTeamRole(text)]);
}

function parseTeamRole(text: string): TeamRole {
  const [, team, word] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  const role = word === "none" ? null : memberRoles.find((one) => one === word);
  if (team === undefined || role === undefined) {
    throw new InvalidArgumentError(
      `It takes a team and a role, such as web=${memberRoles.join(", web=")} or web=none.`,
    );
  }
  return { team, role };
}

function changeOf({ email, name, role, state }: SetOptions): UserChange {
  return {
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(state !== undefined && { isDisabled: state === "disabled" }),
  };
}

interface PasswordLink {
  link: string;
  /** As scripts read it. */
  linkExpiresAt: string;
  /** No server runs that could have told where it is. */
  isGuess: boolean;
}

function passwordLink({ config }: Data, secret: string, expiresAt: number): PasswordLink {
  // Whoever gets it sits at another machine.
  const { url, networkUrls, isGuess } = clientUrls(config);
  return { link: `${networkUrls[0] ?? url}/password#${secret}`, linkExpiresAt: isoTime(expiresAt), isGuess };
}

function linkJson({ link, linkExpiresAt }: PasswordLink) {
  return { link, linkExpiresAt };
}

/** The link stands alone on standard output, so that scripts can take it. */
function printLink(
  context: CommandContext,
  { link, linkExpiresAt, isGuess }: PasswordLink,
  said: string,
): void {
  context.stdout(`${link}\n`);
  context.stderr(
    `${said} With this link the user chooses a password. It works once, until ${linkExpiresAt}.\n`,
  );
  if (isGuess) {
    context.stderr(
      "No server runs here, so the address in it is a guess from the settings; --public-url names another.\n",
    );
  }
}

async function userRow(data: Data, user: User): Promise<string[]> {
  const { email, name, role, teams, lastSignInAt } = await userJson(user, data.members);
  const roles = teams.map(({ team, role: inTeam }) => `${team}=${inTeam}`).join(" ");
  return [email, name, role, userState(user), roles || "-", lastSignInAt ?? "never"];
}
