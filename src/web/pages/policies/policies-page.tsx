import { useState } from "react";
import { Button } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { useMe } from "../../shell/me.tsx";
import { NewPolicyDialog } from "./new-policy-dialog.tsx";
import { PolicyList } from "./policy-list.tsx";
import { TestPolicyDialog } from "./test-policy-dialog.tsx";

export function PoliciesPage() {
  const { team, ownTeams } = useMe();
  const [open, setOpen] = useState<"new" | "test">();
  return (
    <>
      <PageTitle
        title="CI policies"
        intro="Which jobs of a CI service get a token for nothing but what they are, instead of a secret."
      >
        <Button onClick={() => setOpen("test")}>Test a job's token</Button>
        {ownTeams.length > 0 && (
          <Button look="primary" onClick={() => setOpen("new")}>
            New policy
          </Button>
        )}
      </PageTitle>
      <Card isFlush>
        <PolicyList teamSlug={team?.slug} />
      </Card>
      {open === "new" && <NewPolicyDialog onClose={() => setOpen(undefined)} />}
      {open === "test" && <TestPolicyDialog teamSlug={team?.slug} onClose={() => setOpen(undefined)} />}
    </>
  );
}
