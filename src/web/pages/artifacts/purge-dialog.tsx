import { type FormEvent, useState } from "react";
import { parseTime, roundSize } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { Purged, PurgeWish } from "../../api/types.ts";
import { formatCounted } from "../../format/count.ts";
import { readLocalMoment } from "../../format/time.ts";
import { Button } from "../../parts/button.tsx";
import { Confirm, Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";
import { toolChoices } from "../tools.ts";
import { trustChoices, trustedOnly } from "./trust.ts";

/** What the form begins with: what the list of artifacts is narrowed to. */
export interface PurgeStart {
  team: string | undefined;
  tool: string | null;
  /** Empty for trusted ones. */
  scope: string | null;
  hash: string | null;
}

interface Counted {
  wish: PurgeWish;
  totals: Purged;
}

/** Takes many artifacts out: says first what would go, and then asks. @param onDone told what has happened. */
export function PurgeDialog({
  start,
  onDone,
  onClose,
}: {
  start: PurgeStart;
  onDone: (message: string) => void;
  onClose: () => void;
}) {
  const [counted, setCounted] = useState<Counted>();
  const purge = useChange((wish: PurgeWish) =>
    // What goes has been said: nobody has to be kept from having forgotten to narrow it.
    call<Purged>("POST", "/purge", { body: { ...wish, dryRun: false, all: true } }),
  );
  if (!counted || counted.totals.artifacts === 0)
    return <PurgeForm start={start} counted={counted} onCounted={setCounted} onClose={onClose} />;
  const { wish, totals } = counted;
  const artifacts = formatCounted(totals.artifacts, "artifact");
  return (
    <Confirm
      title={`Purge ${artifacts}?`}
      action={`Purge ${artifacts}`}
      onConfirm={() => purge.mutateAsync(wish)}
      onDone={({ artifacts: gone, freed }) =>
        onDone(`${formatCounted(gone, "artifact")} purged, and ${roundSize(freed.sizeBytes)} freed.`)
      }
      onClose={onClose}
    >
      <p>
        {artifacts} of {wish.team === null ? "all teams" : `team ${wish.team}`} would go, and{" "}
        {roundSize(totals.freed.sizeBytes)} be free. Builds that want them run their tasks again. This cannot
        be undone.
      </p>
    </Confirm>
  );
}

function PurgeForm({
  start,
  counted,
  onCounted,
  onClose,
}: {
  start: PurgeStart;
  counted: Counted | undefined;
  onCounted: (counted: Counted) => void;
  onClose: () => void;
}) {
  const { me, ownTeams } = useMe();
  const [isTrusted, setTrusted] = useState(start.scope === "");
  const [wrongTime, setWrongTime] = useState<string>();
  const count = useChange(async (wish: PurgeWish) => {
    onCounted({ wish, totals: await call<Purged>("POST", "/purge", { body: { ...wish, dryRun: true } }) });
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const unusedMs = text("unusedFor") === "" ? null : parseTime(text("unusedFor"));
    setWrongTime(
      unusedMs === undefined
        ? "This is no time with its unit. Write one such as 30d, or nothing."
        : undefined,
    );
    if (unusedMs === undefined) return;
    const narrowing = [
      ...["tool", "scope", "hash", "writtenBy"].map((name) => [name, text(name)] as const),
      ...["writtenAfter", "writtenBefore"].map((name) => [name, readLocalMoment(text(name))] as const),
    ].filter(([, value]) => value !== "");
    count.mutate({
      team: text("team") || null,
      ...Object.fromEntries(narrowing),
      ...(isTrusted && { scope: "" }),
      ...(unusedMs !== null && { usedBefore: new Date(Date.now() - unusedMs).toISOString() }),
    });
  }
  return (
    <Dialog title="Purge artifacts" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <p className="text-soft">Those that fit all of this. What would go is said first.</p>
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="Team"
            name="team"
            defaultValue={start.team}
            choices={[
              ...ownTeams.map(({ slug, name }) => ({ value: slug, label: name })),
              ...(me.isServerAdmin ? [{ value: "", label: "All teams" }] : []),
            ]}
          />
          <SelectField
            label="Tool"
            name="tool"
            defaultValue={start.tool ?? ""}
            choices={[{ value: "", label: "All tools" }, ...toolChoices]}
          />
          <SelectField
            label="Trust"
            value={isTrusted ? trustedOnly : ""}
            onChange={({ target }) => setTrusted(target.value === trustedOnly)}
            choices={[{ value: "", label: "Trusted or not" }, ...trustChoices]}
          />
          {!isTrusted && (
            <TextField
              label="Scope"
              name="scope"
              defaultValue={start.scope ?? ""}
              spellCheck={false}
              hint="Such as pr-12. Empty for all, trusted ones too."
            />
          )}
          <TextField
            label="Hash"
            name="hash"
            defaultValue={start.hash ?? ""}
            spellCheck={false}
            hint="All of it. Empty for any."
          />
          <TextField
            label="Written by"
            name="writtenBy"
            spellCheck={false}
            hint="A token's name or id, a user's e-mail address or a CI policy's id. Empty for anybody."
          />
          <TextField
            label="Unused for"
            name="unusedFor"
            hint="Such as 30d. Empty for any time."
            error={wrongTime}
          />
          <TextField
            label="Written after"
            name="writtenAfter"
            type="datetime-local"
            hint="By your clock. Empty for any time."
          />
          <TextField
            label="Written before"
            name="writtenBefore"
            type="datetime-local"
            hint="By your clock. Empty for any time."
          />
        </div>
        <div role="status">
          {counted && !count.isPending && !count.error && (
            <p className="font-medium">Nothing fits. A hash has to be whole.</p>
          )}
        </div>
        <div aria-live="polite">{count.error && <Failure error={count.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={count.isPending}>
            Count
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}
