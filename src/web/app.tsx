import { useEffect } from "react";
import { Route, Switch } from "wouter";
import { setCsrfToken } from "./api/call.ts";
import { useGet } from "./api/queries.ts";
import type { Me } from "./api/types.ts";
import { ArtifactPage } from "./pages/artifacts/artifact-page.tsx";
import { ArtifactsPage } from "./pages/artifacts/artifacts-page.tsx";
import { AuditPage } from "./pages/audit/audit-page.tsx";
import { ConnectPage } from "./pages/connect/connect-page.tsx";
import { NoTeamPage } from "./pages/no-team-page.tsx";
import { OverviewPage } from "./pages/overview/overview-page.tsx";
import { PoliciesPage } from "./pages/policies/policies-page.tsx";
import { RunPage } from "./pages/runs/run-page.tsx";
import { RunsPage } from "./pages/runs/runs-page.tsx";
import { SettingsPage } from "./pages/settings/settings-page.tsx";
import { TeamPage } from "./pages/teams/team-page.tsx";
import { TeamsPage } from "./pages/teams/teams-page.tsx";
import { TokensPage } from "./pages/tokens/tokens-page.tsx";
import { UnknownPage } from "./pages/unknown-page.tsx";
import { UsersPage } from "./pages/users/users-page.tsx";
import { Failure } from "./parts/failure.tsx";
import { SkeletonLines } from "./parts/skeleton.tsx";
import { Allowed, administratorsOnly, ownersOnly } from "./shell/allowed.tsx";
import { MeProvider } from "./shell/me.tsx";
import { Shell } from "./shell/shell.tsx";

/** The dashboard: who is signed in, and then the page that the address names. */
export function App() {
  const me = useGet<Me>("/me");
  useEffect(() => setCsrfToken(me.data?.csrfToken ?? undefined), [me.data?.csrfToken]);
  if (!me.data) {
    return (
      <main className="mx-auto max-w-2xl p-6">
        <h1 className="sr-only">larder</h1>
        {me.error ? <Failure error={me.error} onRetry={() => void me.refetch()} /> : <SkeletonLines />}
      </main>
    );
  }
  return (
    <MeProvider me={me.data}>
      <Shell>{me.data.teams.length === 0 && !me.data.isServerAdmin ? <NoTeamPage /> : <Pages />}</Shell>
    </MeProvider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={OverviewPage} />
      <Route path="/runs" component={RunsPage} />
      <Route path="/runs/:id">{({ id }) => <RunPage id={id} />}</Route>
      <Route path="/artifacts" component={ArtifactsPage} />
      <Route path="/artifacts/:id">{({ id }) => <ArtifactPage id={id} />}</Route>
      <Route path="/connect" component={ConnectPage} />
      <Route path="/teams" component={TeamsPage} />
      <Route path="/teams/:slug">{({ slug }) => <TeamPage slug={slug} key={slug} />}</Route>
      <Route path="/tokens" component={TokensPage} />
      <Route path="/policies">
        <Allowed rule={ownersOnly} title="CI policies">
          <PoliciesPage />
        </Allowed>
      </Route>
      <Route path="/users">
        <Allowed rule={administratorsOnly} title="Users">
          <UsersPage />
        </Allowed>
      </Route>
      <Route path="/audit">
        <Allowed rule={ownersOnly} title="Audit log">
          <AuditPage />
        </Allowed>
      </Route>
      <Route path="/settings">
        <Allowed rule={administratorsOnly} title="Settings">
          <SettingsPage />
        </Allowed>
      </Route>
      <Route component={UnknownPage} />
    </Switch>
  );
}
