import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { ApiError } from "./api/call.ts";
import { App } from "./app.tsx";
import { dashboardBase } from "./site.ts";

// Whoever is refused may less than the page knows: what it offers follows.
const lookAgain = (error: Error) => {
  if (error instanceof ApiError && error.status === 403) void client.invalidateQueries({ queryKey: ["/me"] });
};

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: lookAgain }),
  mutationCache: new MutationCache({ onError: lookAgain }),
  defaultOptions: {
    // The server may be on this machine or in this house: what the browser thinks of the network does not matter.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 5_000,
      // A refusal stays one; what the network or the server got wrong may work the next time.
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Router base={dashboardBase}>
        <App />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
