/**
 * Asks the server again and again until `holds`: each of its answers shows that its event loop has gone round. For what
 * the server does on its own, after a client has gone. Its time is many times what that takes on a busy machine.
 */
export async function until(
  serverUrl: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${holds}`);
    await (await fetch(`${serverUrl}/health/live`)).text();
  }
}
