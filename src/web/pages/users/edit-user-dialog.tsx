import type { FormEvent } from "react";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { User } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";

export function EditUserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const change = useChange((body: Partial<User>) => call("PATCH", `/users/${user.id}`, { body }));
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const wanted = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    const entries = Object.entries(wanted).filter(
      ([name, value]) => value.trim() !== user[name as keyof User],
    );
    if (entries.length === 0) return onClose();
    await change.mutateAsync(Object.fromEntries(entries)).then(onClose, () => {});
  }
  return (
    <Dialog title={user.email} onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <TextField label="Name" name="name" defaultValue={user.name} required />
        <SelectField
          label="On this server"
          name="role"
          defaultValue={user.role}
          choices={[
            { value: "member", label: "Member" },
            { value: "admin", label: "Administrator, who may do everything" },
          ]}
        />
        <SelectField
          label="State"
          name="state"
          defaultValue={user.state}
          hint="Whoever is disabled is signed out at once, and their own tokens are refused."
          choices={[
            { value: "enabled", label: "Enabled" },
            { value: "disabled", label: "Disabled" },
          ]}
        />
        <div aria-live="polite">{change.error && <Failure error={change.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={change.isPending}>
            Save
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}
