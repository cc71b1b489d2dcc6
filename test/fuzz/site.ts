import { afterAll, beforeAll } from "bun:test";
import fc from "fast-check";
import { type RunningLarder, startLarder } from "../larder.ts";
import { type LyingProvider, startLyingProvider } from "../sign-in/lying-provider.ts";
import { SiteClient } from "../sign-in/site-client.ts";
import { fieldText, marker } from "./hostile.ts";

/** A larder with single sign-on, and an administrator who is signed in all the while. */
export interface Site {
  larder: RunningLarder;
  provider: LyingProvider;
  client: SiteClient;
  host: string;
  /** Of the administrator's session. */
  secret: string;
  csrf: string;
}

/** One for all tests of a file; there before the first of them runs. */
export function siteForAllTests(): Site {
  const site = {} as Site;
  beforeAll(async () => {
    const provider = await startLyingProvider();
    const larder = await startLarder({
      args: ["--proxy-hops", "1"],
      env: {
        LARDER_OIDC_ISSUER: provider.issuer,
        LARDER_OIDC_CLIENT_ID: "larder",
        LARDER_OIDC_CLIENT_SECRET: marker,
        LARDER_OIDC_ACCESS: "domain:example.org=default:member",
      },
    });
    const client = new SiteClient(larder.url);
    Object.assign(site, { larder, provider, client, host: new URL(larder.url).host });
    await client.setUp(larder);
    site.secret = client.cookie.split("=")[1] as string;
    site.csrf = await client.csrfToken();
  });
  afterAll(async () => {
    await site.larder[Symbol.asyncDispose]();
    await site.provider[Symbol.asyncDispose]();
  });
  return site;
}

/** Ways that lead away, or look as if they did. */
export const ways = fc.oneof(
  fieldText.map((text) => text.slice(0, 3_000)),
  fc.constantFrom(
    "//evil.example",
    "/\\evil.example",
    "/..//evil.example",
    "https://evil.example",
    "/konto/€\u{1f600}",
    "/%2f/evil.example",
  ),
  fc
    .tuple(fc.constantFrom("/", "//", "/.", "/\t/", "\\", "http:"), fieldText)
    .map((parts) => parts.join("").slice(0, 3_000)),
);
