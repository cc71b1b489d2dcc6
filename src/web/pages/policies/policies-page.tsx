import { useState } from "react";
import type { CreatedPolicies } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Done } from "../../parts/failure.tsx";
import { useMe } from "../../shell/me.tsx";
import { NewPolicyDialog } from "./new-policy-dialog.tsx";
import { PolicyList } from "./policy-list.tsx";
import { TestPolicyDialog } from "./test-policy-dialog.tsx";

export function PoliciesPage() {
  const { team, ownTeams } = useMe();
  const [open, setOpen] = useState<"new" | "test">();
  const [created, setCreated] = useState<CreatedPolicies>();
  return (
    <>
      <PageTitle
        title="CI policies"
        intro="Which jobs of a CI service get a token for nothing but what they are, instead of a secret."
      >
        <Button onClick={() => setOpen("test")}>Test a token</Button>
        {ownTeams.length > 0 && (
          <Button look="primary" onClick={() => setOpen("new")}>
            New policy
          </Button>
        )}
      </PageTitle>
      <Done
        message={
          created &&
          [
            `Created ${created.items.map(({ name }) => `“${name}”`).join(" and ")}.`,
            // A job that asks for another gets none, and goes on without a word.
            `Their jobs have to ask for their tokens with the audience ${created.items[0]?.audience}.`,
            ...created.warnings,
          ].join(" ")
        }
      />
      <Card isFlush>
        <PolicyList teamSlug={team?.slug} />
      </Card>
      {open === "new" && (
        <NewPolicyDialog
          onClose={() => setOpen(undefined)}
          onMade={(created) => {
            setOpen(undefined);
            setCreated(created);
          }}
        />
      )}
      {open === "test" && <TestPolicyDialog teamSlug={team?.slug} onClose={() => setOpen(undefined)} />}
    </>
  );
}
