import type { FormEvent } from "react";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { TokenReport } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { TextField } from "../../parts/field.tsx";
import { TokenFacts } from "./token-facts.tsx";

/** Says whose a secret is, and whether it counts. */
export function TestTokenDialog({ onClose }: { onClose: () => void }) {
  const test = useChange((secret: string) => call<TokenReport>("POST", "/tokens/test", { body: { secret } }));
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    test.mutate(String(new FormData(event.currentTarget).get("secret")).trim());
  };
  return (
    <Dialog title="Test a token" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label="Secret"
          name="secret"
          required
          autoFocus
          spellCheck={false}
          placeholder="lrd_…"
          hint="It is only looked at, and not kept. This is no use of the token."
        />
        <div aria-live="polite" className="space-y-3">
          {test.error && <Failure error={test.error} />}
          {test.data && <Verdict report={test.data} />}
        </div>
        <DialogEnd>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" look="primary" isBusy={test.isPending}>
            Test
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

function Verdict({ report: { problem, token } }: { report: TokenReport }) {
  return (
    <>
      <p className={`font-semibold ${problem === null ? "text-good" : "text-bad"}`}>
        {problem ?? "It counts."}
      </p>
      {token && <TokenFacts token={token} />}
    </>
  );
}
