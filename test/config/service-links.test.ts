import { expect, test } from "bun:test";
import { isServiceLink } from "../../src/config/service-links.ts";

test.each([
  ["LARDER_SERVICE_HOST", "10.0.0.1"],
  ["LARDER_SERVICE_PORT", "5273"],
  ["LARDER_SERVICE_PORT_HTTP", "5273"],
  ["LARDER_PORT", "tcp://10.0.0.1:5273"],
  ["LARDER_PORT_5273_TCP", "tcp://10.0.0.1:5273"],
  ["LARDER_PORT_5273_TCP_ADDR", "10.0.0.1"],
  ["LARDER_CANARY_PORT", "udp://[fd00::1]:53"],
])("%s=%s is set by Kubernetes", (name, value) => {
  expect(isServiceLink(name, value)).toBe(true);
});

test.each([
  ["LARDER_PORT", "5273"],
  ["LARDER_PORT", "nonsense"],
  ["LARDER_PRT", "tcp://10.0.0.1:5273"],
  ["LARDER_HOST", "10.0.0.1"],
])("%s=%s is set by the user", (name, value) => {
  expect(isServiceLink(name, value)).toBe(false);
});
