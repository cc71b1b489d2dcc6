/**
 * Sends the secret of a link as the form would. It stands in the link's fragment, which browsers never send by themselves, so
 * that no log of a server or proxy has it; here it leaves the browser's history, too. A link that is pasted over the address of
 * the page is no new page for the browser, but the same one with another fragment.
 */
export const fragmentScript = `(() => {
  const take = () => {
    const secret = location.hash.slice(1);
    if (!secret) return;
    history.replaceState(null, "", location.pathname);
    const field = document.getElementById("secret");
    if (!field) return;
    field.value = secret;
    field.form.hidden = true;
    field.form.submit();
  };
  addEventListener("hashchange", take);
  take();
})();`;
