import { PageTitle } from "../parts/card.tsx";
import { Empty } from "../parts/empty.tsx";

/** For somebody who has an account, and no team yet. */
export function NoTeamPage() {
  return (
    <>
      <PageTitle title="Welcome" />
      <Empty title="You are in no team yet">
        Ask an administrator of this server, or the owner of a team, to add you. This page then shows that
        team's cache.
      </Empty>
    </>
  );
}
