/**
 * Takes the secret of a link from the address bar into the form. It stands in the link's fragment, which browsers never send,
 * so that no log of a server or proxy has it; here it leaves the browser's history, too.
 */
export const fragmentScript = `(() => {
  const secret = location.hash.slice(1);
  if (!secret) return;
  const field = document.getElementById("secret");
  if (field) {
    field.value = secret;
    field.closest(".field").hidden = true;
    document.querySelector("[autofocus]")?.focus();
  }
  history.replaceState(null, "", location.pathname);
})();`;
