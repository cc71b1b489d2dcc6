/**
 * Takes the secret of a link from the address bar into the form. It stands in the link's fragment, which browsers never send,
 * so that no log of a server or proxy has it; here it leaves the browser's history, too. Nobody needs to see the field then,
 * unless there is something wrong with what it holds.
 */
export const fragmentScript = `(() => {
  const secret = location.hash.slice(1);
  const field = document.getElementById("secret");
  if (field && secret) field.value = secret;
  if (field?.value && !field.hasAttribute("aria-invalid")) field.closest(".field").hidden = true;
  if (secret) history.replaceState(null, "", location.pathname);
})();`;
