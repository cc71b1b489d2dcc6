import { useState } from "react";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { SelectField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";
import { CiCard } from "./ci-card.tsx";
import { ConnectTool } from "./connect-tool.tsx";

export function ConnectPage() {
  const { me, team } = useMe();
  const [chosen, setChosen] = useState<string>();
  const slug = chosen ?? team?.slug ?? me.teams[0]?.slug;
  return (
    <>
      <PageTitle title="Connect" intro="What to paste where so that builds use this cache." />
      {slug === undefined ? (
        <Empty title="There is no team yet">Create one on the page Teams first.</Empty>
      ) : (
        <div className="space-y-4">
          <Card>
            {me.teams.length > 1 && (
              <SelectField
                className="mb-4 max-w-xs"
                label="Team that shares the results"
                value={slug}
                onChange={({ target }) => setChosen(target.value)}
                choices={me.teams.map((one) => ({ value: one.slug, label: one.name }))}
              />
            )}
            <ConnectTool
              key={slug}
              teamSlug={slug}
              tokenName={`connected on ${new Date().toISOString().slice(0, 10)}`}
            />
          </Card>
          <CiCard teamSlug={slug} />
        </div>
      )}
    </>
  );
}
