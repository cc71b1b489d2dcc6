/** No idle timeout may be set to less than 5 seconds. */
const everyMs = 2_000;

/** Does some work for a request that may take long. @param keepAlive called now and then, so that its connection is not idle. */
export async function keptAlive<T>(keepAlive: () => void, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(keepAlive, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
