import { expect, test } from "bun:test";
import fc from "fast-check";
import { html } from "../../src/http/html.ts";

test("text is escaped, HTML is not, and nothing leaves no trace", () => {
  const inner = html`<b>${"a & b"}</b>`;
  const nothing = [undefined, null, false] as const;
  expect(html`<p title="${`"'<>&`}">${inner}${nothing}${[inner, 1]}</p>`.text).toBe(
    '<p title="&quot;&#39;&lt;&gt;&amp;"><b>a &amp; b</b><b>a &amp; b</b>1</p>',
  );
});

test("no text gets out of an element or a quoted attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const [, attribute, element] =
        /^<p title="(.*)">(.*)<\/p>$/s.exec(html`<p title="${text}">${text}</p>`.text) ?? [];
      for (const found of [attribute, element]) expect(found).toMatch(/^[^<>"']*$/);
    }),
  );
});
