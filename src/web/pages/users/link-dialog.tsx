import type { PasswordLink } from "../../api/types.ts";
import { formatExactTime } from "../../format/time.ts";
import { Button } from "../../parts/button.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";

/** A link for somebody to choose a password, this once. */
export function LinkDialog({ link, onClose }: { link: PasswordLink; onClose: () => void }) {
  return (
    <Dialog title={`Link for ${link.email}`} onClose={onClose}>
      <p role="status" className="mb-3">
        Hand it over yourself, over a way that nobody else reads. It is shown only now, and works once, until{" "}
        {formatExactTime(link.linkExpiresAt)}.
      </p>
      <p className="flex flex-wrap items-center justify-between gap-3 rounded-lg bg-good-page p-3">
        <code className="min-w-0 font-mono text-sm [overflow-wrap:anywhere]">{link.link}</code>
        <Copy text={link.link} what="the link" />
      </p>
      <DialogEnd>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogEnd>
    </Dialog>
  );
}
