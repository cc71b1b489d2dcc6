import { Elysia } from "elysia";

/** Rejects with what is wrong, for an operator to read. */
export type ReadinessCheck = () => Promise<unknown>;

/**
 * `/health/live`: the process answers. `/health/ready`: it can serve, else 503 with the reasons, so that a load balancer
 * stops sending new requests.
 */
export function health(checks: ReadinessCheck[]) {
  const ready = async () => {
    const reasons = (await Promise.all(checks.map(reasonOf))).filter((reason) => reason !== undefined);
    return reasons.length === 0
      ? Response.json({ status: "ready" })
      : Response.json({ status: "unready", reasons }, { status: 503 });
  };
  const live = () => Response.json({ status: "live" });
  return new Elysia({ prefix: "/health" })
    .get("/live", live)
    .head("/live", live)
    .get("/ready", ready)
    .head("/ready", ready);
}

async function reasonOf(check: ReadinessCheck): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
