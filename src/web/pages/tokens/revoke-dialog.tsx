import { useState } from "react";
import { call } from "../../api/call.ts";
import { useChange, useGet } from "../../api/queries.ts";
import type { RevokedToken, ShownToken, Token } from "../../api/types.ts";
import { formatCounted } from "../../format/count.ts";
import { Confirm } from "../../parts/dialog.tsx";
import { CheckField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";

/** Revokes a token, and if wanted purges what it has written. @param onDone told what has happened. */
export function RevokeDialog({
  token,
  onDone,
  onClose,
}: {
  token: Token;
  onDone: (message: string) => void;
  onClose: () => void;
}) {
  const { me } = useMe();
  const [isPurging, setPurging] = useState(false);
  const shown = useGet<ShownToken>(`/tokens/${token.id}`);
  const artifacts = shown.data?.artifacts ?? 0;
  // A user's token may have written in any of the user's teams.
  const mayPurge = artifacts > 0 && (token.team !== null || me.isServerAdmin);
  const revoke = useChange(async () => {
    const { purged } = await call<RevokedToken>("DELETE", `/tokens/${token.id}`, {
      params: isPurging ? { purge: true } : {},
    });
    const also = purged ? `, and ${formatCounted(purged.artifacts, "artifact")} that it wrote purged` : "";
    onDone(`The token “${token.name}” is revoked${also}.`);
  });
  return (
    <Confirm
      title={`Revoke “${token.name}”?`}
      action={isPurging ? "Revoke and purge" : "Revoke"}
      onConfirm={() => revoke.mutateAsync()}
      onClose={onClose}
    >
      <p>Whatever uses it is refused at once. A token that was revoked cannot be used again.</p>
      {mayPurge && (
        <CheckField
          label={`Purge what it wrote, too: ${formatCounted(artifacts, "artifact")}`}
          hint="For a token that fell into the wrong hands: nothing that it wrote is read by a build any more."
          checked={isPurging}
          onChange={({ target }) => setPurging(target.checked)}
        />
      )}
    </Confirm>
  );
}
