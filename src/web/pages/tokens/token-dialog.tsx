import { useGet } from "../../api/queries.ts";
import type { ShownToken, Token } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";
import { TokenFacts } from "./token-facts.tsx";

/** What the list has no room for, and how much is kept of what the token wrote, which takes long to count for many. */
export function TokenDialog({ token, onClose }: { token: Token; onClose: () => void }) {
  const shown = useGet<ShownToken>(`/tokens/${token.id}`);
  return (
    <Dialog title={`Token “${token.name}”`} onClose={onClose}>
      {shown.error && <Failure error={shown.error} onRetry={() => void shown.refetch()} />}
      {shown.data ? <TokenFacts token={shown.data} /> : shown.isPending && <SkeletonLines />}
      <DialogEnd>
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      </DialogEnd>
    </Dialog>
  );
}
